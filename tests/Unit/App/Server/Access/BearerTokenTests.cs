using Microsoft.AspNetCore.Http;
using NativeKubelet.Server.Access;

namespace NativeKubelet.Tests.Unit.App.Server.Access;

public sealed class BearerTokenTests
{
    private const string Protocols = "Sec-WebSocket-Protocol";

    [Theory]
    [InlineData("Bearer abc", "abc")]
    [InlineData("bearer abc ", "abc")]
    [InlineData("Basic abc", null)]
    [InlineData("Bearer ", "")]
    public void A_header_carries_a_token(string header, string? token) => Assert.Equal(token, BearerToken.Take(new HeaderDictionary { ["Authorization"] = header }));

    [Fact]
    public void A_token_among_the_protocols_of_a_WebSocket_is_taken_off_them()
    {
        HeaderDictionary headers = new() { [Protocols] = "base64url.bearer.authorization.k8s.io.YWJj, v5.channel.k8s.io" };

        Assert.Equal("abc", BearerToken.Take(headers));
        Assert.Equal("v5.channel.k8s.io", headers[Protocols]);
    }

    [Theory]
    [InlineData("base64url.bearer.authorization.k8s.io.YWJj")]
    [InlineData("base64url.bearer.authorization.k8s.io.!!!, x")]
    [InlineData("base64url.bearer.authorization.k8s.io.YWJj, base64url.bearer.authorization.k8s.io.YWJj, x")]
    public void One_that_is_alone_broken_or_doubled_is_no_use(string protocols) => Assert.Equal("", BearerToken.Take(new HeaderDictionary { [Protocols] = protocols }));

    [Fact]
    public void A_request_without_any_has_none() => Assert.Null(BearerToken.Take(new HeaderDictionary { [Protocols] = "v5.channel.k8s.io" }));
}
