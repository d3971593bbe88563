using System.Text;
using NativeKubelet.Cluster;

namespace NativeKubelet.Tests.Unit.App.Cluster;

public sealed class KubeconfigTests
{
    [Fact]
    public void A_kubeconfig_that_was_written_says_the_same_as_the_one_that_it_was_made_of()
    {
        Kubeconfig bootstrap = Read($$"""
            apiVersion: v1
            kind: Config
            current-context: c
            clusters: [{name: x, cluster: {server: "https://api.example:6443/prefix", certificate-authority-data: {{Convert.ToBase64String("CA\n"u8)}}, tls-server-name: "a: b"} }]
            contexts: [{name: c, context: {cluster: x, user: u} }]
            users: [{name: u, user: {token: abcdef.0123456789abcdef} }]
            """);

        byte[] written = (bootstrap with { User = KubeconfigUser.OfFile("/pki/kubelet-client-current.pem") }).ToYaml();

        Assert.DoesNotContain("abcdef", Encoding.UTF8.GetString(written), StringComparison.Ordinal);
        Kubeconfig read = Read(Encoding.UTF8.GetString(written));
        Assert.Equal((bootstrap.Server, bootstrap.AuthorityPem, bootstrap.TlsServerName), (read.Server, read.AuthorityPem, read.TlsServerName));
        Assert.Equal(("/pki/kubelet-client-current.pem", "/pki/kubelet-client-current.pem"), (read.User.CertificateFile, read.User.KeyFile));
    }

    private static Kubeconfig Read(string text) => Kubeconfig.Parse(Encoding.UTF8.GetBytes(text), "/etc/kubernetes");
}
