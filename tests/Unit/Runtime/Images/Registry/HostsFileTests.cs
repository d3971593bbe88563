using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Unit.Runtime.Images.Registry;

public sealed class HostsFileTests
{
    private static HostsFile Parse(string text, string domain = "docker.io") => HostsFile.Parse(text, "/etc/certs.d/x", domain);

    [Fact]
    public void Hosts_are_tried_in_the_order_of_the_file_and_the_server_last()
    {
        HostsFile file = Parse("""
            server = "https://up.example"
            [host."https://z.example:5000"]
            [host."http://a.example/proxy"]
              capabilities = ["pull"]
            """);

        Assert.Equal(["https://z.example:5000/v2/", "http://a.example/proxy/v2/", "https://up.example/v2/"], file.Hosts.Select(h => h.Root.ToString()));
        Assert.Equal(
            [HostCapabilities.Pull | HostCapabilities.Resolve, HostCapabilities.Pull, HostCapabilities.Pull | HostCapabilities.Resolve],
            file.Hosts.Select(h => h.Capabilities));
    }

    [Fact]
    public void Without_a_server_the_registry_itself_is_tried_last() =>
        Assert.Equal(["https://m/v2/", "https://registry-1.docker.io/v2/"], Parse("[host.\"https://m\"]").Hosts.Select(h => h.Root.ToString()));

    [Fact]
    public void An_empty_file_leaves_the_registry_itself() => Assert.Equal("http://127.0.0.1:5000/v2/", Assert.Single(Parse("", "127.0.0.1:5000").Hosts).Root.ToString());

    [Fact]
    public void A_whole_path_is_taken_as_it_is_when_told_so()
    {
        HostsFile file = Parse("[host.\"https://m/api/docker\"]\noverride_path = true\n[host.\"https://n/v2/proj/\"]\noverride_path = true\n[host.\"https://o:50//other/v2/p\"]\noverride_path = true");

        Assert.Equal(["https://m/api/docker/", "https://n/v2/proj/", "https://o:50//other/v2/p/"], file.Hosts.Take(3).Select(h => h.Root.ToString()));
    }

    [Fact]
    public void Trust_is_read_relative_to_the_directory()
    {
        RegistryHost host = Parse("""
            [host."https://m"]
              ca = ["ca.crt", "/abs/other.crt"]
              client = [["c.crt", "c.key"], ["both.pem"]]
              skip_verify = true
              dial_timeout = "1500ms"
              [host."https://m".header]
                x-one = "a"
                x-two = ["b", "c"]
            """).Hosts[0];

        Assert.Equal(["/etc/certs.d/x/ca.crt", "/abs/other.crt"], host.Tls.Authorities);
        Assert.Equal([new("/etc/certs.d/x/c.crt", "/etc/certs.d/x/c.key"), new("/etc/certs.d/x/both.pem", "/etc/certs.d/x/both.pem")], host.Tls.Clients);
        Assert.True(host.Tls.SkipVerify);
        Assert.Equal(TimeSpan.FromMilliseconds(1500), host.Tls.DialTimeout);
        Assert.Equal(["x-one: a", "x-two: b", "x-two: c"], host.Headers.Select(h => $"{h.Key}: {h.Value}"));
    }

    [Fact]
    public void What_means_nothing_here_is_named() => Assert.Equal(["line 2: host.\"https://m\".colour"], Parse("[host.\"https://m\"]\ncolour = 1\ncapabilities = [\"push\"]").Ignored);

    [Theory]
    [InlineData("server = 1", "server must be text")]
    [InlineData("server = \"ftp://x\"", "no address of a host")]
    [InlineData("server = \"https://u:p@x\"", "a user and password do not belong")]
    [InlineData("server = \"https://x?a=b\"", "query or fragment")]
    [InlineData("host = 1", "host must be a table")]
    [InlineData("[host.\"https://m\"]\ncapabilities = [\"fly\"]", "'fly' is none of pull, resolve, push")]
    [InlineData("[host.\"https://m\"]\nca = \"\"", "the file name is empty")]
    [InlineData("[host.\"https://m\"]\nclient = [[\"a\",\"b\",\"c\"]]", "got 3 names")]
    [InlineData("[host.\"https://m\"]\nskip_verify = \"true\"", "must be true or false")]
    [InlineData("[host.\"https://m\"]\ndial_timeout = \"soon\"", "is no time")]
    [InlineData("[host.\"https://m\".header]\n\"a b\" = \"c\"", "is no name of a header")]
    [InlineData("[host.\"https://m\".header]\na = \"b\\r\\nc: d\"", "control characters")]
    public void What_cannot_be_meant_is_refused(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<TomlException>(() => Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("localhost:5000", "http")]
    [InlineData("127.1.2.3:5000", "http")]
    [InlineData("127.1.2.3", "https")]
    [InlineData("[::1]:5000", "http")]
    [InlineData("127.0.0.1:443", "https")]
    [InlineData("10.0.0.1:5000", "https")]
    [InlineData("localhost.example:5000", "https")]
    [InlineData("registry.example:80", "http")]
    public void Only_this_machine_and_port_80_are_asked_without_TLS(string domain, string scheme) => Assert.Equal(scheme, RegistryHost.DefaultScheme(domain));
}
