using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Cluster;
using NativeKubelet.Cluster.Certificates;
using NativeKubelet.Config;
using NativeKubelet.Core.Certificates;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>From a bootstrap token to the node's own certificates, and their renewal.</summary>
public sealed class CertificateTests
{
    private const UnixFileMode Secret = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task A_node_joins_with_a_bootstrap_token_and_goes_on_with_the_certificate_that_it_was_given()
    {
        await using ClusterHost host = await ClusterHost.BootstrapAsync();

        await host.ReadyAsync();

        string link = host.Agent["pki/kubelet-client-current.pem"], kubeconfig = host.Agent["kubelet.conf"];
        await host.Agent.SaidAsync("KubeconfigWritten");
        Assert.Contains(link, File.ReadAllText(kubeconfig), StringComparison.Ordinal);
        Assert.Equal(Secret, File.GetUnixFileMode(kubeconfig));
        Assert.Matches(@"/pki/kubelet-client-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem$", new FileInfo(link).LinkTarget);
        Assert.Equal(Secret, File.GetUnixFileMode(new FileInfo(link).LinkTarget!));
        JsonObject csr = host.Api.Store.List(ResourceKind.Find("certificates.k8s.io", "v1", "certificatesigningrequests")!, "").Items.Single();
        Assert.Equal(["digital signature", "client auth"], ((JsonArray)csr["spec"]!["usages"]!).Select(u => Text(u)));
        Assert.StartsWith("csr-", Text(Meta(csr)["name"]), StringComparison.Ordinal);

        await host.Agent.KillAsync();
        File.Delete(host.Agent["bootstrap.conf"]);
        await host.StartAgentAsync();
        host.Run("web", "trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("web");
    }

    [Fact]
    public async Task A_node_whose_certificate_has_ended_asks_for_another_with_its_bootstrap_token()
    {
        await using ClusterHost host = await ClusterHost.BootstrapAsync(endedCertificate: true);

        await host.ReadyAsync();

        Assert.Contains("ClientCertificateOver", host.Agent.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_in_the_kubeconfig_itself_lies_from_the_start_where_renewed_ones_do()
    {
        await using ClusterHost host = await ClusterHost.StartAsync(new ApiSettings { ApproveCertificates = static _ => false }, "--rotate-certificates");

        await host.ReadyAsync();

        using X509Certificate2 kept = X509Certificate2.CreateFromPemFile(host.Agent["pki/kubelet-client-current.pem"]);
        Assert.Contains(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(kept.ExportCertificatePem())), File.ReadAllText(host.Agent["kubelet.conf"]), StringComparison.Ordinal);
        ResourceKind requests = ResourceKind.Find("certificates.k8s.io", "v1", "certificatesigningrequests")!;
        await host.Api.WaitAsync(s => s.List(requests, "").Items is [var first, ..] ? first : null, AgentHost.Deadline());
    }

    [Fact]
    public async Task The_nodes_own_server_gets_a_certificate_for_its_name_and_addresses()
    {
        await using ClusterHost host = await ClusterHost.StartAsync(new ApiSettings { ApproveCertificates = static _ => true }, "--rotate-server-certificates");
        JsonObject node = await host.ReadyAsync();

        await host.Agent.SaidAsync($"\"CertificateRenewed\" signer=\"{CertificateWish.ServingSigner}\"");

        using X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(host.Agent["pki/kubelet-server-current.pem"]);
        X509SubjectAlternativeNameExtension names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal([host.Node], names.EnumerateDnsNames());
        Assert.Contains(Text(node["status"]!["addresses"]![0]!["address"]), names.EnumerateIPAddresses().Select(a => a.ToString()));
        using System.Net.Sockets.TcpClient connection = new("127.0.0.1", host.Port);
        await using System.Net.Security.SslStream tls = new(connection.GetStream(), false, (_, shown, _, _) => shown?.GetSerialNumberString() == certificate.SerialNumber);
        await tls.AuthenticateAsClientAsync(host.Node);
    }

    [Fact]
    public async Task A_certificate_is_renewed_before_it_ends_and_the_connections_of_the_former_one_are_closed()
    {
        await using ApiServer api = new();
        await api.StartAsync();
        string directory = Directory.CreateTempSubdirectory("nk-certificates-").FullName, kubeconfig = Path.Combine(directory, "kubelet.conf"), bootstrap = Path.Combine(directory, "bootstrap.conf");
        File.WriteAllText(bootstrap, api.Kubeconfig(api.Tokens.Issue(ClusterHost.Bootstrapper)));
        HashSet<string> serials = [];
        api.Asked += (user, request) =>
        {
            if (request.HttpContext.Connection.ClientCertificate is { } shown && user == ApiUser.NameOfNode("a")) lock (serials) serials.Add(shown.SerialNumber);
        };
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        NodeOptions options = new(kubeconfig, bootstrap, Path.Combine(directory, "pki"), null, [], new Dictionary<string, string>(), "");
        using ClusterCredentials credentials = new(options, "a", rotate: true, default, new CertificateMeasures(static () => null, null, time).ClientFailures, time, NullLogger.Instance);
        using CancellationTokenSource end = new();
        Task running = credentials.RunAsync(end.Token);
        await credentials.Ready.WaitAsync(AgentHost.Deadline());
        using HttpResponseMessage watch = await credentials.Access.Client.WatchAsync("api/v1/pods?fieldSelector=spec.nodeName%3Da&watch=true", AgentHost.Deadline());
        await using Stream body = await watch.Content.ReadAsStreamAsync(AgentHost.Deadline());
        Task<int> ending = body.ReadAsync(new byte[1], AgentHost.Deadline()).AsTask();

        // The clock goes on in steps, as sleeping on it begins anew after each.
        while (!ending.IsCompleted)
        {
            time.Advance(TimeSpan.FromMinutes(5));
            await Task.WhenAny(ending, Task.Delay(20, AgentHost.Deadline()));
        }

        await Assert.ThrowsAnyAsync<IOException>(() => ending);
        await credentials.Access.Client.GetAsync<k8s.Models.V1PodList>("api/v1/pods?fieldSelector=spec.nodeName%3Da", AgentHost.Deadline());
        lock (serials) Assert.True(serials.Count >= 2, $"{serials.Count} certificates were shown");
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_request_that_is_denied_says_so()
    {
        await using ApiServer api = new(new ApiSettings { ApproveCertificates = static _ => false });
        await api.StartAsync();
        string kubeconfig = Path.GetTempFileName();
        File.WriteAllText(kubeconfig, api.Kubeconfig(api.Tokens.Issue(ClusterHost.Bootstrapper)));
        using ClusterAccess access = ClusterAccess.Open(Kubeconfig.Load(kubeconfig), null, default, TimeProvider.System);
        ResourceKind requests = ResourceKind.Find("certificates.k8s.io", "v1", "certificatesigningrequests")!;

        Task<(string, string)> signing = new SigningRequests(() => access.Client, TimeProvider.System, NullLogger.Instance).SignAsync(CertificateWish.Client("a"), AgentHost.Deadline());
        JsonObject made = await api.WaitAsync(s => s.List(requests, "").Items is [var first, ..] ? first : null, AgentHost.Deadline());
        api.Store.Update(requests, "", Text(Meta(made)["name"]), there =>
        {
            JsonObject denied = (JsonObject)there!.DeepClone();
            denied["status"] = new JsonObject { ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Denied", ["status"] = "True", ["reason"] = "NotYou", ["message"] = "nobody knows this node" }) };
            return denied;
        });

        NativeKubelet.Cluster.ApiException refusal = await Assert.ThrowsAsync<NativeKubelet.Cluster.ApiException>(() => signing);
        Assert.EndsWith("(kubernetes.io/kube-apiserver-client-kubelet) was denied: NotYou nobody knows this node", refusal.Message, StringComparison.Ordinal);
        File.Delete(kubeconfig);
    }
}
