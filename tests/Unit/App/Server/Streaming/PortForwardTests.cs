using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Runtime;
using NativeKubelet.Server.Streaming;
using NativeKubelet.Server.Streaming.Spdy;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

public sealed class PortForwardTests : IAsyncDisposable
{
    private readonly FakeNode _node = new();
    private readonly FakeTimeProvider _time = new();
    private readonly SpdyPeer _peer;
    private readonly SpdyConnection _connection;
    private readonly Task _serving;
    private readonly TcpListener _pod = new(IPAddress.Loopback, 0);

    public PortForwardTests()
    {
        _pod.Start();
        _node.OnDial = async port =>
        {
            if (port != 80) throw new RuntimeException("PortForwardFailed", "127.0.0.1: Connection refused");
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(_pod.LocalEndpoint);
            return socket;
        };
        (Stream ours, Stream theirs) = Duplex.Create();
        _peer = new(theirs);
        SpdyPortForward ports = new(new PortForward(_node, new("s0", "web", "u0")), TimeSpan.FromSeconds(30), _time);
        _connection = new(ours, ports.Offer, TimeProvider.System);
        _serving = ports.RunAsync(_connection, Cancel);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _peer.Dispose();
        await _serving;
        _connection.Dispose();
        _pod.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Each_direction_of_a_connection_ends_by_itself()
    {
        await OpenAsync(1, "0", 80);
        using TcpClient inside = await _pod.AcceptTcpClientAsync(Cancel);
        NetworkStream pod = inside.GetStream();

        await _peer.SendAsync(SpdyPeer.Data(3, "question"u8.ToArray(), fin: true));
        using StreamReader reader = new(pod);
        Assert.Equal("question", await reader.ReadToEndAsync(Cancel));
        await pod.WriteAsync("answer"u8.ToArray(), Cancel);
        inside.Close();

        Assert.Equal("answer", Encoding.ASCII.GetString(await _peer.ToEndAsync(3)));
        Assert.Empty(await _peer.ToEndAsync(1));
    }

    [Fact]
    public async Task A_port_where_nobody_listens_costs_its_own_pair_alone()
    {
        await OpenAsync(1, "0", 80);
        using TcpClient inside = await _pod.AcceptTcpClientAsync(Cancel);
        await OpenAsync(5, "1", 81);

        string words = Encoding.UTF8.GetString(await _peer.ToEndAsync(5));
        await inside.GetStream().WriteAsync("still here"u8.ToArray(), Cancel);
        inside.Close();

        Assert.Equal("error forwarding port 81 to pod web, uid u0: 127.0.0.1: Connection refused", words);
        Assert.Equal("still here", Encoding.ASCII.GetString(await _peer.ToEndAsync(3)));
    }

    [Fact]
    public async Task A_pair_without_its_data_stream_is_given_up_after_thirty_seconds()
    {
        await _peer.OpenAsync(1, headers: [("streamtype", "error"), ("port", "80"), ("requestid", "7")]);
        Assert.Equal(SpdyPeer.SynReply, (await _peer.NextAsync())?.Type);
        // The answer to what came later: the stream was dealt with, and its time runs.
        await _peer.SendAsync(SpdyPeer.Words(SpdyPeer.Ping, 1));
        Assert.Equal(SpdyPeer.Ping, (await _peer.NextAsync())?.Type);

        _time.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal("request 7: timed out waiting for streams", Encoding.UTF8.GetString(await _peer.ToEndAsync(1)));
    }

    [Theory]
    [InlineData("data", "")]
    [InlineData("data", "0")]
    [InlineData("data", "65536")]
    [InlineData("stdin", "80")]
    public async Task A_stream_without_a_port_or_of_another_kind_is_refused(string type, string port)
    {
        await _peer.OpenAsync(1, headers: [("streamtype", type), ("port", port), ("requestid", "0")]);

        Assert.Equal(SpdyPeer.SynReply, (await _peer.NextAsync())?.Type);
        Assert.Equal(SpdyPeer.RstStream, (await _peer.NextAsync())?.Type);
    }

    [Fact]
    public async Task Streams_of_old_clients_are_paired_by_their_numbers()
    {
        await _peer.OpenAsync(1, headers: [("streamtype", "error"), ("port", "80")]);
        await _peer.OpenAsync(3, headers: [("streamtype", "data"), ("port", "80")]);

        using TcpClient inside = await _pod.AcceptTcpClientAsync(Cancel);
        await inside.GetStream().WriteAsync("x"u8.ToArray(), Cancel);
        inside.Close();

        Assert.Equal("x", Encoding.ASCII.GetString(await _peer.ToEndAsync(3)));
    }

    [Fact]
    public async Task A_client_that_resets_its_stream_closes_the_connection_into_the_pod()
    {
        await OpenAsync(1, "0", 80);
        using TcpClient inside = await _pod.AcceptTcpClientAsync(Cancel);

        await _peer.SendAsync(SpdyPeer.Words(SpdyPeer.RstStream, 3, 5));

        Assert.Equal(0, await inside.GetStream().ReadAsync(new byte[1], Cancel));
    }

    private async Task OpenAsync(uint id, string request, int port)
    {
        await _peer.OpenAsync(id, headers: [("streamtype", "error"), ("port", $"{port}"), ("requestid", request)]);
        await _peer.OpenAsync(id + 2, headers: [("streamtype", "data"), ("port", $"{port}"), ("requestid", request)]);
        for (int i = 0; i < 2; i++) Assert.Equal(SpdyPeer.SynReply, (await _peer.NextAsync())?.Type);
    }
}
