using System.Net;
using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Unit.Runtime.Images.Registry;

public sealed class ProxyRulesTests
{
    private static bool Proxied(string except, string destination) => ProxyRules.Parse("http://p:1", "http://p:2", except).GetProxy(new(destination)) is not null;

    [Fact]
    public void The_scheme_of_the_destination_chooses_the_proxy()
    {
        ProxyRules rules = ProxyRules.Parse("http://plain:1", "tls:2", null);

        Assert.Equal("http://plain:1/", rules.GetProxy(new("http://a/"))!.ToString());
        Assert.Equal("http://tls:2/", rules.GetProxy(new("https://a/"))!.ToString());
        Assert.Null(ProxyRules.None.GetProxy(new("https://a/")));
    }

    [Theory]
    [InlineData("http://127.0.0.1:5000/")]
    [InlineData("http://localhost:5000/")]
    [InlineData("http://[::1]/")]
    public void This_machine_is_never_asked_through_a_proxy(string destination) => Assert.False(Proxied("", destination));

    [Theory]
    [InlineData("*", "https://a.example/", false)]
    [InlineData("example", "https://a.example/", false)]
    [InlineData("a.example, other", "https://a.example/", false)]
    [InlineData(".example", "https://a.example/", false)]
    [InlineData(".a.example", "https://a.example/", true)]
    [InlineData("*.example", "https://a.example/", false)]
    [InlineData("ample", "https://a.example/", true)]
    [InlineData("A.EXAMPLE", "https://a.example/", false)]
    [InlineData("a.example:443", "https://a.example/", false)]
    [InlineData("a.example:444", "https://a.example/", true)]
    [InlineData("10.0.0.0/8", "https://10.1.2.3/", false)]
    [InlineData("10.0.0.0/8", "https://11.1.2.3/", true)]
    [InlineData("10.1.2.3", "https://10.1.2.3:5000/", false)]
    [InlineData("2.3", "https://10.1.2.3/", true)]
    [InlineData("fd00::/8", "https://[fd00::1]/", false)]
    [InlineData("fd00::1", "https://[fd00::1]/", false)]
    [InlineData("", "https://a.example/", true)]
    public void Exceptions_are_names_suffixes_addresses_and_blocks(string except, string destination, bool proxied) => Assert.Equal(proxied, Proxied(except, destination));

    [Fact]
    public void What_is_no_proxy_counts_as_none() => Assert.Null(ProxyRules.Parse("socks5://a", "::::", null).GetProxy(new("http://a/")));

    [Fact]
    public void The_proxy_is_told_the_user_of_its_own_address()
    {
        NetworkCredential credential = ((ICredentials)ProxyRules.None).GetCredential(new("http://u:p%40ss@p:1"), "Basic")!;

        Assert.Equal(("u", "p@ss"), (credential.UserName, credential.Password));
        Assert.Null(((ICredentials)ProxyRules.None).GetCredential(new("http://p:1"), "Basic"));
    }
}
