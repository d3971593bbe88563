using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Server.Streaming.WebSockets;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Unit.App.Server.Streaming;

namespace NativeKubelet.Tests.Cluster.Streams;

public sealed class WebSocketTests
{
    [Fact]
    public async Task Over_v5_the_input_of_a_command_ends_and_its_output_and_status_follow()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000");
        using WebSocket socket = await ConnectAsync(host, "v5.channel.k8s.io", "exec?stdin=true&stdout=true&stderr=true&command=sh&command=-c&command=cat;echo+err+>%262;exit+3");

        await socket.SendAsync(new byte[] { 0, (byte)'a', (byte)'b' }, WebSocketMessageType.Binary, true, AgentHost.Deadline());
        await socket.SendAsync(new byte[] { 255, 0 }, WebSocketMessageType.Binary, true, AgentHost.Deadline());
        string[] channels = await ChannelsAsync(socket);

        Assert.Equal(("ab", "err\n"), (channels[1], channels[2]));
        Assert.Equal("3", (string?)JsonNode.Parse(channels[3])!["details"]!["causes"]![0]!["message"]);
    }

    [Fact]
    public async Task Over_v4_and_base64_a_command_is_the_same_but_for_its_input()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000");
        using WebSocket plain = await ConnectAsync(host, "v4.channel.k8s.io", "exec?stdout=true&command=echo&command=hello");
        Assert.Equal("hello\n", (await ChannelsAsync(plain))[1]);

        using WebSocket encoded = await ConnectAsync(host, "base64.channel.k8s.io", "exec?stdout=true&command=echo&command=hello");
        Assert.Equal("hello\n", Encoding.UTF8.GetString(Convert.FromBase64String((await ChannelsAsync(encoded, '0'))[1])));
    }

    [Fact]
    public async Task A_port_is_forwarded_through_a_tunnel_of_SPDY_in_a_WebSocket()
    {
        await using StreamHost host = await StreamHost.StartAsync("exec nc -ll -p 8080 -e cat", network: true);
        using WebSocket socket = await ConnectAsync(host, "SPDY/3.1+portforward.k8s.io", "portforward");
        using SpdyPeer peer = new(new TunnelStream(socket));
        (string, string)[] port = [("port", "8080"), ("requestid", "0")];

        await peer.OpenAsync(1, headers: [("streamtype", "error"), .. port]);
        await peer.OpenAsync(3, headers: [("streamtype", "data"), .. port]);
        await peer.SendAsync(SpdyPeer.Data(3, "through"u8.ToArray(), fin: true));

        Assert.Equal("through", Encoding.ASCII.GetString(await peer.ToEndAsync(3)));
    }

    [Fact]
    public async Task Ports_named_in_the_query_have_channels_of_their_own()
    {
        await using StreamHost host = await StreamHost.StartAsync("exec nc -ll -p 8080 -e cat", network: true);
        using WebSocket socket = await ConnectAsync(host, "v4.channel.k8s.io", "portforward?port=8080");

        Assert.Equal(new byte[] { 0, 0x90, 0x1f }, await MessageAsync(socket));
        Assert.Equal(new byte[] { 1, 0x90, 0x1f }, await MessageAsync(socket));
        await socket.SendAsync("\0x"u8.ToArray(), WebSocketMessageType.Binary, true, AgentHost.Deadline());
        Assert.Equal(new byte[] { 0, (byte)'x' }, await MessageAsync(socket));
    }

    [Fact]
    public async Task A_connection_on_which_nothing_happens_is_closed()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000", flags: "--streaming-connection-idle-timeout=500ms");
        using Process exec = host.Kubectl("exec", "web", "--", "sleep", "1000");

        await exec.WaitForExitAsync(AgentHost.Deadline());

        Assert.NotEqual(0, exec.ExitCode);
    }

    private static async Task<WebSocket> ConnectAsync(StreamHost host, string protocol, string path)
    {
        // By hand: the library's client refuses the name of the tunnel, which has a slash.
        TcpClient tcp = new();
        await tcp.ConnectAsync(IPAddress.Loopback, host.Api.Url.Port, AgentHost.Deadline());
        SslStream tls = new(tcp.GetStream(), false, static (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", ClientCertificates = [host.Admin] }, AgentHost.Deadline());
        await tls.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET /api/v1/namespaces/default/pods/web/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
            $"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"), AgentHost.Deadline());
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await tls.ReadAsync(one, AgentHost.Deadline()) > 0) head.Append((char)one[0]);
        Assert.StartsWith("HTTP/1.1 101", head.ToString(), StringComparison.Ordinal);
        // The key of RFC 6455, and the answer that it gives for it.
        Assert.Contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", head.ToString(), StringComparison.Ordinal);
        Assert.Contains($"Sec-WebSocket-Protocol: {protocol}\r\n", head.ToString(), StringComparison.Ordinal);
        return WebSocket.CreateFromStream(tls, new WebSocketCreationOptions());
    }

    /// <summary>What came on each channel until the server closed.</summary>
    private static async Task<string[]> ChannelsAsync(WebSocket socket, char first = '\0')
    {
        string[] channels = ["", "", "", "", ""];
        while (await MessageAsync(socket) is { Length: > 0 } message) channels[message[0] - first] += Encoding.UTF8.GetString(message.AsSpan(1));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        return channels;
    }

    private static async Task<byte[]> MessageAsync(WebSocket socket)
    {
        byte[] buffer = new byte[64 * 1024];
        for (int length = 0; ;)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(length), AgentHost.Deadline());
            length += received.Count;
            if (received.EndOfMessage) return buffer[..length];
        }
    }
}
