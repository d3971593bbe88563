using System.Collections.Concurrent;
using System.Text;
using NativeKubelet.Server.Streaming.Spdy;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

public sealed class SpdyConnectionTests : IAsyncDisposable
{
    private static readonly (string, string)[] NoHeaders = [];

    private readonly SpdyPeer _peer;
    private readonly SpdyConnection _connection;
    private readonly BlockingCollection<SpdyStream> _streams = [];
    private readonly Task _serving;
    private readonly Stream _ours;

    public SpdyConnectionTests()
    {
        (_ours, Stream theirs) = Duplex.Create();
        _peer = new(theirs);
        _connection = new(_ours, stream =>
        {
            _streams.Add(stream);
            return stream.Header("refuse").Length == 0;
        }, TimeProvider.System);
        _serving = _connection.RunAsync(Cancel);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _peer.Dispose();
        _ours.Dispose();
        await _serving.WaitAsync(TimeSpan.FromSeconds(20), CancellationToken.None);
        _connection.Dispose();
        _streams.Dispose();
    }

    [Fact]
    public async Task A_stream_is_answered_carries_bytes_both_ways_and_ends_one_way_at_a_time()
    {
        SpdyStream stream = await OpenAsync(1, ("streamtype", "data"));
        await _peer.SendAsync(SpdyPeer.Data(1, "ab"u8.ToArray()), SpdyPeer.Data(1, "c"u8.ToArray(), fin: true));

        Assert.Equal("data", stream.Header("streamtype"));
        Assert.Equal("abc", await TextAsync(stream));
        await stream.WriteAsync("answer"u8.ToArray(), Cancel);
        await stream.FinishAsync(Cancel);
        Assert.Equal("answer", Encoding.ASCII.GetString(await _peer.ToEndAsync(1)));
    }

    [Fact]
    public async Task A_ping_of_the_client_is_echoed_and_what_nobody_knows_is_passed_over()
    {
        await _peer.SendAsync(SpdyPeer.Control(99, [1, 2, 3]), SpdyPeer.Words(SpdyPeer.Ping, 2), SpdyPeer.Words(SpdyPeer.Ping, 7));

        Assert.Equal(new(SpdyPeer.Ping, 7u), await _peer.NextAsync() is { } frame ? (frame.Type, frame.Stream) : default);
    }

    [Fact]
    public async Task A_refused_stream_is_reset_and_the_next_one_lives()
    {
        await _peer.OpenAsync(1, headers: ("refuse", "1"));
        Assert.Equal(SpdyPeer.SynReply, (await _peer.NextAsync())?.Type);
        Assert.Equal((1, 3), Words(await _peer.NextAsync(), SpdyPeer.RstStream));
        _streams.Take(Cancel);

        SpdyStream next = await OpenAsync(3, NoHeaders);
        await _peer.SendAsync(SpdyPeer.Data(1, new byte[10]), SpdyPeer.Data(3, "x"u8.ToArray(), fin: true));

        Assert.Equal("x", await TextAsync(next));
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "a control frame of 16777215 bytes", Hex(0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff) },
        { "version 4", Hex(SpdyPeer.Words(SpdyPeer.Ping, 1) is var ping ? [0x80, 4, .. ping[2..]] : []) },
        { "stream 2 opened", Hex(SpdyPeer.Syn(2, new SpdyPeer(Stream.Null).Block())) },
        { "never opened", Hex(SpdyPeer.Data(5, [1])) },
        { "no zlib stream", Hex(SpdyPeer.Syn(1, [0xff, 0xff, 0xff, 0xff])) },
        { "SYN_STREAM that is too short", Hex(SpdyPeer.Control(SpdyPeer.SynStream, [0, 0, 0, 1])) },
        { "SETTINGS that are too short", Hex(SpdyPeer.Words(SpdyPeer.Settings, 500_000_000)) },
        { "a window of 4294967295", Hex(SpdyPeer.Words(SpdyPeer.Settings, 1, 7, uint.MaxValue)) },
        { "a window enlarged by 0", Hex(SpdyPeer.Words(SpdyPeer.WindowUpdate, 0, 0)) },
        { "session window larger", Hex(SpdyPeer.Words(SpdyPeer.WindowUpdate, 0, int.MaxValue)) },
        { "too short", Hex(SpdyPeer.Control(SpdyPeer.RstStream, [1])) },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Who_breaks_the_protocol_is_told_so_and_loses_the_connection(string fault, string frame)
    {
        await _peer.SendAsync(Convert.FromHexString(frame));

        Assert.Equal((0, 1), Words(await _peer.NextAsync(), SpdyPeer.GoAway));
        await _serving.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.Contains(fault, _connection.Fault, StringComparison.Ordinal);
        Assert.True(_connection.Gone.IsCancellationRequested);
    }

    [Fact]
    public async Task A_client_that_wants_answers_and_reads_none_loses_the_connection()
    {
        byte[] pings = [.. Enumerable.Repeat(SpdyPeer.Words(SpdyPeer.Ping, 1), 20_000).SelectMany(p => p)];
        Task flood = _peer.SendAsync(pings);

        await _serving.WaitAsync(TimeSpan.FromSeconds(20), Cancel);

        Assert.Contains("reads none", _connection.Fault, StringComparison.Ordinal);
        Assert.False(flood.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_writer_waits_while_the_client_reads_nothing()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders);
        byte[] data = [.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 31 >> 4))];

        Task writing = Task.Run(async () =>
        {
            await stream.WriteAsync(data, Cancel);
            await stream.FinishAsync(Cancel);
        }, Cancel);

        Assert.NotEqual(writing, await Task.WhenAny(writing, Task.Delay(200, Cancel)));
        Assert.Equal(data, await _peer.ToEndAsync(1));
        await writing;
    }

    [Fact]
    public async Task A_client_waits_while_nobody_reads_what_it_sent()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders);
        byte[] data = [.. Enumerable.Range(0, 4 << 20).Select(i => (byte)(i * 31 >> 4))];
        Task sending = _peer.SendAsync(SpdyPeer.Data(1, data, fin: true));

        Assert.NotEqual(sending, await Task.WhenAny(sending, Task.Delay(200, Cancel)));

        Task answers = Task.Run(async () => { while (await _peer.NextAsync() is { Type: not SpdyPeer.GoAway }) { } }, Cancel);
        Assert.Equal(data, await BytesAsync(stream));
        await sending;
        _connection.Close();
        await answers;
    }

    [Fact]
    public async Task A_stream_that_is_given_up_holds_the_others_up_no_longer()
    {
        SpdyStream full = await OpenAsync(1, NoHeaders), other = await OpenAsync(3, NoHeaders);
        Task sending = _peer.SendAsync(SpdyPeer.Data(1, new byte[2 << 20]), SpdyPeer.Data(3, "x"u8.ToArray(), fin: true));

        full.Dispose();

        Assert.Equal("x", await TextAsync(other));
        await sending;
    }

    [Fact]
    public async Task Windows_bind_from_when_the_client_speaks_of_them()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders), witness = await OpenAsync(3, NoHeaders);
        await _peer.SendAsync(SpdyPeer.Words(SpdyPeer.WindowUpdate, 1, 1000), SpdyPeer.Data(3, [1]));
        await witness.ReadAsync(new byte[1], Cancel);

        Task writing = stream.WriteAsync(new byte[100_000], Cancel).AsTask();
        int got = 0;
        while (got < 66_536) got += (await _peer.NextOtherAsync())!.Payload.Length;
        Assert.Equal(66_536, got);
        await _peer.SendAsync(SpdyPeer.Words(SpdyPeer.Ping, 1));
        Assert.Equal(SpdyPeer.Ping, (await _peer.NextOtherAsync())?.Type);
        Assert.False(writing.IsCompleted);

        await _peer.SendAsync(SpdyPeer.Words(SpdyPeer.Settings, 1, 7, 200_000));
        while (got < 100_000) got += (await _peer.NextOtherAsync())!.Payload.Length;
        await writing;
    }

    [Fact]
    public async Task A_window_that_overflows_costs_the_stream_alone()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders), other = await OpenAsync(3, NoHeaders);
        await _peer.SendAsync(SpdyPeer.Words(SpdyPeer.WindowUpdate, 1, int.MaxValue), SpdyPeer.Data(3, "x"u8.ToArray(), fin: true));

        Assert.Equal((1, 7), Words(await _peer.NextOtherAsync(), SpdyPeer.RstStream));
        await Assert.ThrowsAsync<IOException>(() => stream.ReadAsync(new byte[1], Cancel).AsTask());
        Assert.Equal("x", await TextAsync(other));
    }

    [Fact]
    public async Task What_was_read_enlarges_the_windows_of_stream_and_session()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders);
        Task sending = _peer.SendAsync(SpdyPeer.Data(1, new byte[40_000]));
        byte[] buffer = new byte[40_000];
        for (int read = 0; read < buffer.Length;) read += await stream.ReadAsync(buffer, Cancel);
        await sending;

        SpdyPeer.Frame first = (await _peer.NextAsync())!, second = (await _peer.NextAsync())!;
        Assert.Equal((SpdyPeer.WindowUpdate, SpdyPeer.WindowUpdate), (first.Type, second.Type));
        Assert.Equal((0u, 1u), (Math.Min(first.Stream, second.Stream), Math.Max(first.Stream, second.Stream)));
        Assert.True(first.Word(1) >= 32_768);
    }

    [Fact]
    public async Task Hundreds_of_streams_carry_their_own_bytes()
    {
        const int count = 500;
        Task sending = Task.Run(async () =>
        {
            for (uint i = 0; i < count; i++) await _peer.OpenAsync(2 * i + 1, headers: ("n", $"{i}"));
            for (uint i = 0; i < count; i++) await _peer.SendAsync(SpdyPeer.Data(2 * i + 1, [.. Enumerable.Repeat((byte)i, 1000)], fin: true));
        }, Cancel);
        Task echoes = Task.Run(() => Task.WhenAll(Enumerable.Range(0, count).Select(_ => _streams.Take(Cancel)).Select(async stream =>
        {
            await stream.WriteAsync(await BytesAsync(stream), Cancel);
            await stream.FinishAsync(Cancel);
        })), Cancel);

        Dictionary<uint, byte[]> got = [];
        for (int ended = 0; ended < count;)
        {
            SpdyPeer.Frame frame = (await _peer.NextAsync())!;
            if (frame.Type != 0) continue;
            if (frame.Payload.Length > 0) got[frame.Stream] = [.. got.GetValueOrDefault(frame.Stream, []), .. frame.Payload];
            if (frame.Flags == 1) ended++;
        }
        await Task.WhenAll(sending, echoes);

        Assert.All(got, s => Assert.Equal(Enumerable.Repeat((byte)(s.Key / 2), 1000), s.Value));
        Assert.Equal(count, got.Count);
    }

    [Fact]
    public async Task More_streams_than_there_may_be_are_refused()
    {
        Task sending = Task.Run(async () =>
        {
            for (uint i = 0; i <= SpdyConnection.MostStreams; i++) await _peer.OpenAsync(2 * i + 1, headers: NoHeaders);
        }, Cancel);

        SpdyPeer.Frame last;
        do last = (await _peer.NextAsync())!;
        while (last.Type == SpdyPeer.SynReply);

        Assert.Equal((2 * SpdyConnection.MostStreams + 1, 3), Words(last, SpdyPeer.RstStream));
        await sending;
    }

    [Fact]
    public async Task A_goodbye_comes_behind_everything_that_was_sent()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders);
        await stream.WriteAsync("last words"u8.ToArray(), Cancel);
        _connection.Close();

        Assert.Equal("last words", Encoding.ASCII.GetString((await _peer.NextAsync())!.Payload));
        Assert.Equal((1, 0), Words(await _peer.NextAsync(), SpdyPeer.GoAway));
        _peer.Dispose();
        await _serving.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
    }

    [Fact]
    public async Task A_client_that_leaves_is_told_to_who_reads_and_who_writes()
    {
        SpdyStream stream = await OpenAsync(1, NoHeaders);
        Task<int> reading = stream.ReadAsync(new byte[1], Cancel).AsTask();

        _peer.Dispose();

        await Assert.ThrowsAsync<IOException>(() => reading);
        await _serving.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        await Assert.ThrowsAsync<IOException>(() => stream.WriteAsync(new byte[1], Cancel).AsTask());
        Assert.Null(_connection.Fault);
    }

    private async Task<SpdyStream> OpenAsync(uint id, params (string, string)[] headers)
    {
        await _peer.OpenAsync(id, headers: headers);
        SpdyPeer.Frame? reply = await _peer.NextOtherAsync();
        Assert.Equal((SpdyPeer.SynReply, id), (reply?.Type, reply?.Stream));
        return _streams.Take(Cancel);
    }

    private static async Task<byte[]> BytesAsync(SpdyStream stream)
    {
        using MemoryStream all = new();
        byte[] buffer = new byte[10_000];
        while (await stream.ReadAsync(buffer, Cancel) is > 0 and var count) all.Write(buffer, 0, count);
        return all.ToArray();
    }

    private static async Task<string> TextAsync(SpdyStream stream) => Encoding.ASCII.GetString(await BytesAsync(stream));

    private static (int, int) Words(SpdyPeer.Frame? frame, ushort type)
    {
        Assert.Equal(type, frame?.Type);
        return ((int)frame!.Word(0), (int)frame.Word(1));
    }

    private static string Hex(params byte[] bytes) => Convert.ToHexString(bytes);
}
