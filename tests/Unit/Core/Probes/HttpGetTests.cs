using System.Text;
using k8s.Models;
using NativeKubelet.Core.Probes;

namespace NativeKubelet.Tests.Unit.Core.Probes;

public sealed class HttpGetTests
{
    private static readonly V1Container Web = new() { Name = "web", Ports = [new V1ContainerPort { Name = "http", ContainerPort = 8080 }] };

    [Fact]
    public void A_question_says_who_asks_and_keeps_no_connection()
    {
        HttpGet get = Of(new V1HTTPGetAction { Port = "http", Path = "/healthz?a=b" });

        Assert.Equal("http://10.0.0.5:8080/healthz?a=b", get.Url);
        Assert.Equal(
            "GET /healthz?a=b HTTP/1.1\r\nHost: 10.0.0.5:8080\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            Encoding.ASCII.GetString(get.ToBytes()));
    }

    [Fact]
    public void Headers_come_in_their_order_may_repeat_and_an_empty_one_suppresses_a_default()
    {
        HttpGet get = Of(new V1HTTPGetAction
        {
            Port = 80,
            Scheme = "HTTPS",
            HttpHeaders = [Header("X", "1"), Header("X", "2"), Header("host", "example.com"), Header("user-agent", ""), Header("Accept", "text/plain")],
        });

        Assert.Equal("https://10.0.0.5:80/", get.Url);
        Assert.Equal(
            "GET / HTTP/1.1\r\nHost: example.com\r\nX: 1\r\nX: 2\r\nAccept: text/plain\r\nConnection: close\r\n\r\n", Encoding.ASCII.GetString(get.ToBytes()));
    }

    [Theory]
    [InlineData("a b", "/a%20b")]
    [InlineData("/x\r\nEvil: 1", "/x%0D%0AEvil:%201")]
    [InlineData("/x#y", "/x")]
    [InlineData("/%7Ejoe?q=%20", "/%7Ejoe?q=%20")]
    public void Nothing_in_a_path_breaks_the_request_line(string path, string target) => Assert.Equal(target, Of(new V1HTTPGetAction { Port = 80, Path = path }).Target);

    [Fact]
    public void An_IPv6_address_stands_in_brackets() =>
        Assert.Equal("http://[fd00::5]:80/", HttpGet.Of(new V1HTTPGetAction { Port = 80 }, Web, "fd00::5", "kube-probe").Url);

    [Theory]
    [InlineData("/there", "http://10.0.0.5:80/there", "example.com")]
    [InlineData("there?x=1", "http://10.0.0.5:80/a/there?x=1", "example.com")]
    [InlineData("http://10.0.0.5:9000/there", "http://10.0.0.5:9000/there", null)]
    [InlineData("https://10.0.0.5/there", "https://10.0.0.5:443/there", null)]
    [InlineData("http://10.0.0.6/", null, null)]
    [InlineData("http://example.com/", null, null)]
    [InlineData("", null, null)]
    public void Redirects_are_followed_on_the_same_host_only(string location, string? url, string? host)
    {
        HttpGet get = Of(new V1HTTPGetAction { Port = 80, Path = "/a/b", HttpHeaders = [Header("Host", "example.com"), Header("X", "1")] });

        HttpGet? next = get.Follow(location, 0);

        Assert.Equal(url, next?.Url);
        if (next is not null) Assert.Equal((host, get.Headers), (next.HostHeader, next.Headers));
    }

    [Fact]
    public void The_eleventh_redirect_is_one_too_many() =>
        Assert.Equal("stopped after 10 redirects", Assert.Throws<FormatException>(() => Of(new V1HTTPGetAction { Port = 80 }).Follow("/x", 10)).Message);

    [Fact]
    public void Without_TLS_credentials_stay_behind()
    {
        HttpGet get = Of(new V1HTTPGetAction { Port = 80, Scheme = "HTTPS", HttpHeaders = [Header("authorization", "secret"), Header("X", "1")] }).OverPlainHttp();

        Assert.DoesNotContain("secret", Encoding.ASCII.GetString(get.ToBytes()), StringComparison.Ordinal);
        Assert.False(get.Tls);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "", "ok", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", 200, "", "ok", false)]
    [InlineData("HTTP/1.0 503 No\r\n\r\nsorry", 503, "", "sorry", false)]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: /x\r\ncontent-length: 0\r\n\r\n", 302, "/x", "", true)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", 204, "", "", true)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n", 200, "", "abcde", true)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\nc", 200, "", "abc", false)]
    [InlineData("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", "", true)]
    public void Answers_are_read_as_far_as_they_have_come(string text, int status, string location, string body, bool complete) =>
        Assert.Equal(new HttpAnswer(status, location, body, complete), HttpAnswer.Parse(Encoding.ASCII.GetBytes(text), closed: false));

    [Fact]
    public void An_answer_without_length_ends_with_its_connection() =>
        Assert.True(HttpAnswer.Parse("HTTP/1.1 200 OK\r\n\r\nok"u8, closed: true)!.Complete);

    [Fact]
    public void A_head_that_is_not_complete_is_waited_for() => Assert.Null(HttpAnswer.Parse("HTTP/1.1 200 OK\r\nA: b\r\n"u8, closed: false));

    [Fact]
    public void No_more_of_an_answer_is_kept_than_messages_need()
    {
        byte[] large = [.. "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"u8, .. new byte[20_000]];

        HttpAnswer answer = HttpAnswer.Parse(large, closed: false)!;

        Assert.Equal((ProbeOutcome.MostBytes, true), (answer.Body.Length, answer.Complete));
    }

    [Theory]
    [InlineData("", "EOF")]
    [InlineData("HTTP/1.1 200", "unexpected EOF")]
    [InlineData("SSH-2.0-OpenSSH\r\n", "malformed HTTP response \"SSH-2.0-OpenSSH\"")]
    [InlineData("HTTP/1.1 xx\r\n\r\n", "malformed HTTP response \"HTTP/1.1 xx\"")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx", "malformed chunked encoding")]
    public void What_is_no_HTTP_is_told_so(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => HttpAnswer.Parse(Encoding.ASCII.GetBytes(text), closed: true)).Message);

    [Fact]
    public void A_health_question_is_one_frame_with_the_services_name()
    {
        Assert.Equal([0, 0, 0, 0, 0], HealthMessage.Question(""));
        Assert.Equal([0, 0, 0, 0, 4, 0x0A, 2, (byte)'d', (byte)'b'], HealthMessage.Question("db"));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 1 }, "SERVING")]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 2 }, "NOT_SERVING")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0 }, "UNKNOWN")]
    [InlineData(new byte[] { 0, 0, 0, 0, 6, 0x12, 2, 1, 1, 8, 1 }, "SERVING")]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 9 }, "9")]
    public void A_health_answer_is_read_whatever_else_it_carries(byte[] frame, string status) => Assert.Equal(status, HealthMessage.Answer(frame));

    [Theory]
    [InlineData(new byte[] { 1, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 9, 8, 1 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 8 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 0x12, 0x7F })]
    public void A_broken_health_answer_is_refused(byte[] frame) => Assert.Throws<FormatException>(() => HealthMessage.Answer(frame));

    private static HttpGet Of(V1HTTPGetAction get) => HttpGet.Of(get, Web, "10.0.0.5", "kube-probe");

    private static V1HTTPHeader Header(string name, string value) => new() { Name = name, Value = value };
}
