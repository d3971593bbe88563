using System.Text;
using NativeKubelet.Server;

namespace NativeKubelet.Tests.Unit.App.Server;

public sealed class HttpRequestTests
{
    [Fact]
    public void A_whole_head_is_read_and_the_rest_is_left()
    {
        byte[] bytes = Encoding.ASCII.GetBytes("GET /v1/logs?pod=a%20b&tail=5&flag HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");

        int taken = HttpRequest.TryParse(bytes, out HttpRequest? request);

        Assert.Equal(bytes.Length - 3, taken);
        Assert.Equal(("GET", "/v1/logs", 3, true), (request!.Method, request.Path, request.ContentLength, request.KeepAlive));
        Assert.Equal(("a b", "5", ""), (request.Query["pod"], request.Query["tail"], request.Query["flag"]));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n")]
    [InlineData("G")]
    [InlineData("")]
    public void Half_a_head_waits_for_more(string head) =>
        Assert.Equal(0, HttpRequest.TryParse(Encoding.ASCII.GetBytes(head), out _));

    [Theory]
    [InlineData("GET /\r\n\r\n", 400)]
    [InlineData("GET relative HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/2.0\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nName : x\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 413)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413)]
    [InlineData("GET /\u0001 HTTP/1.1\r\n\r\n", 400)]
    public void What_never_becomes_a_request_is_refused_with_its_status(string head, int status) =>
        Assert.Equal(status, Assert.Throws<HttpFormatException>(() => HttpRequest.TryParse(Encoding.UTF8.GetBytes(head), out _)).Status);

    [Fact]
    public void An_endless_head_is_refused() =>
        Assert.Equal(431, Assert.Throws<HttpFormatException>(() => HttpRequest.TryParse(new byte[HttpRequest.LargestHead + 1].AsSpan(), out _)).Status);
}
