using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Core.Server;
using NativeKubelet.Server.Streaming;
using NativeKubelet.Server.Streaming.WebSockets;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

public sealed class ChannelTests
{
    private static readonly CommandWish Everything = new(Input: true, Output: true, Error: true, Tty: false);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("v4.channel.k8s.io,v5.channel.k8s.io", "v5.channel.k8s.io")]
    [InlineData("unknown,base64.channel.k8s.io,v4.channel.k8s.io", "base64.channel.k8s.io")]
    [InlineData("", "")]
    [InlineData("v6.channel.k8s.io", null)]
    public void The_first_known_protocol_is_chosen_and_the_newest_whenever_it_is_offered(string offered, string? chosen) =>
        Assert.Equal(chosen, ChannelProtocol.ForCommands(offered.Split(',', StringSplitOptions.RemoveEmptyEntries))?.Name);

    [Theory]
    [InlineData("v4.channel.k8s.io")]
    [InlineData("v5.channel.k8s.io")]
    [InlineData("v4.base64.channel.k8s.io")]
    public async Task A_command_over_a_WebSocket_gets_its_input_and_tells_its_status(string name)
    {
        ChannelProtocol protocol = ChannelProtocol.ForCommands([name])!;
        (WebSocket client, Task<string?> serving) = Begin(protocol, async (streams, left) =>
        {
            byte[] buffer = new byte[100];
            int count = await streams.Input!.ReadAsync(buffer, left);
            await streams.Output!.WriteAsync(buffer.AsMemory(0, count), left);
            return StreamStatus.Exited(4, ["x"]);
        });
        using WebSocket closing = client;

        Assert.Equal((1, ""), await ReceiveAsync(client, protocol));
        await SendAsync(client, protocol, 0, "hello");
        Assert.Equal((1, "hello"), await ReceiveAsync(client, protocol));
        (int channel, string status) = await ReceiveAsync(client, protocol);
        Assert.Equal((3, "NonZeroExitCode"), (channel, (string?)JsonNode.Parse(status)!["reason"]));
        Assert.Equal(WebSocketMessageType.Close, (await client.ReceiveAsync(new byte[10].AsMemory(), Cancel)).MessageType);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, client.CloseStatus);
        await client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, Cancel);
        Assert.Null(await serving);
    }

    [Fact]
    public async Task With_v5_the_input_ends_and_the_output_goes_on()
    {
        ChannelProtocol protocol = ChannelProtocol.ForCommands(["v5.channel.k8s.io"])!;
        (WebSocket client, Task<string?> serving) = Begin(protocol, async (streams, left) =>
        {
            int total = 0, count;
            byte[] buffer = new byte[100];
            while ((count = await streams.Input!.ReadAsync(buffer, left)) > 0) total += count;
            await streams.Output!.WriteAsync(Encoding.ASCII.GetBytes($"{total}"), left);
            return StreamStatus.Success;
        });
        using WebSocket closing = client;
        Assert.Equal((1, ""), await ReceiveAsync(client, protocol));

        await SendAsync(client, protocol, 0, "abc");
        await SendAsync(client, protocol, 9, "to nobody");
        await client.SendAsync(new byte[] { 255, 0 }, WebSocketMessageType.Binary, true, Cancel);

        Assert.Equal((1, "3"), await ReceiveAsync(client, protocol));
        client.Abort();
        await serving;
    }

    [Fact]
    public async Task A_close_signal_that_names_no_channel_ends_the_connection()
    {
        ChannelProtocol protocol = ChannelProtocol.ForCommands(["v5.channel.k8s.io"])!;
        (WebSocket client, Task<string?> serving) = Begin(protocol, async (_, left) =>
        {
            await Task.Delay(Timeout.Infinite, left);
            return StreamStatus.Success;
        });
        using WebSocket closing = client;
        await ReceiveAsync(client, protocol);

        await client.SendAsync(new byte[] { 255 }, WebSocketMessageType.Binary, true, Cancel);

        Assert.Equal(WebSocketMessageType.Close, (await client.ReceiveAsync(new byte[10].AsMemory(), Cancel)).MessageType);
        Assert.Equal(WebSocketCloseStatus.ProtocolError, client.CloseStatus);
        client.Abort();
        Assert.Contains("close signal", await serving, StringComparison.Ordinal);
    }

    [Fact]
    public void Base64_is_decoded_whatever_pieces_it_comes_in()
    {
        ChannelMessage message = new(ChannelProtocol.ForCommands(["v4.base64.channel.k8s.io"])!);
        byte[] text = Encoding.ASCII.GetBytes("0" + Convert.ToBase64String("some bytes"u8));

        StringBuilder got = new();
        for (int i = 0; i < text.Length; i++) got.Append(Encoding.ASCII.GetString(message.Take(text.AsMemory(i, 1), last: i == text.Length - 1).Payload.Span));

        Assert.Equal("some bytes", got.ToString());
        Assert.Throws<FormatException>(() => message.Take("0abc"u8.ToArray(), last: true));
        Assert.Throws<FormatException>(() => message.Take("0????"u8.ToArray(), last: true));
    }

    [Fact]
    public async Task A_tunnel_is_a_stream_of_bytes_whatever_the_messages()
    {
        (Stream ours, Stream theirs) = Duplex.Create();
        using WebSocket server = WebSocket.CreateFromStream(ours, new WebSocketCreationOptions { IsServer = true });
        using WebSocket client = WebSocket.CreateFromStream(theirs, new WebSocketCreationOptions());
        using TunnelStream tunnel = new(server);

        await client.SendAsync("ab"u8.ToArray(), WebSocketMessageType.Binary, true, Cancel);
        await client.SendAsync(Array.Empty<byte>(), WebSocketMessageType.Binary, true, Cancel);
        await client.SendAsync("cd"u8.ToArray(), WebSocketMessageType.Binary, false, Cancel);
        await client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, Cancel);

        byte[] got = new byte[4];
        await tunnel.ReadExactlyAsync(got, Cancel);
        Assert.Equal("abcd"u8, got);
        Assert.Equal(0, await tunnel.ReadAsync(got, Cancel));
    }

    [Fact]
    public void Ports_are_named_in_the_query() => Assert.Equal([80, 443, 8080], WebSocketPorts.Parse(["80,443", "8080"]));

    [Theory]
    [InlineData("0")]
    [InlineData("70000")]
    [InlineData("")]
    [InlineData("80,http")]
    public void What_is_no_port_is_refused(string value) => Assert.Equal(400, Assert.Throws<RefusedException>(() => WebSocketPorts.Parse([value])).Status);

    private static (WebSocket, Task<string?>) Begin(ChannelProtocol protocol, Func<CommandStreams, CancellationToken, Task<StreamStatus?>> run)
    {
        (Stream ours, Stream theirs) = Duplex.Create();
        WebSocket server = WebSocket.CreateFromStream(ours, new WebSocketCreationOptions { IsServer = true });
        WebSocket client = WebSocket.CreateFromStream(theirs, new WebSocketCreationOptions());
        return (client, WebSocketCommand.ServeAsync(server, protocol, Everything, run, TimeProvider.System, Cancel));
    }

    private static Task SendAsync(WebSocket socket, ChannelProtocol protocol, int channel, string text) => socket.SendAsync(
        protocol.Base64 ? Encoding.ASCII.GetBytes(channel + Convert.ToBase64String(Encoding.ASCII.GetBytes(text))) : [(byte)channel, .. Encoding.ASCII.GetBytes(text)],
        protocol.Base64 ? WebSocketMessageType.Text : WebSocketMessageType.Binary, true, Cancel);

    private static async Task<(int, string)> ReceiveAsync(WebSocket socket, ChannelProtocol protocol)
    {
        byte[] buffer = new byte[4096];
        ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(), Cancel);
        byte[] payload = buffer[1..received.Count];
        return protocol.Base64 ? (buffer[0] - '0', Encoding.UTF8.GetString(Convert.FromBase64String(Encoding.ASCII.GetString(payload)))) : (buffer[0], Encoding.UTF8.GetString(payload));
    }
}
