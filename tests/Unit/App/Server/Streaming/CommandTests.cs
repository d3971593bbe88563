using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Linux.Terminals;
using NativeKubelet.Server.Streaming;
using NativeKubelet.Server.Streaming.Spdy;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

public sealed class CommandTests
{
    private static readonly SpdyCommandProtocol V4 = SpdyCommandProtocol.All[0], V2 = SpdyCommandProtocol.All[2];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_command_begins_when_all_its_streams_are_there_and_ends_with_its_status()
    {
        (Stream ours, Stream theirs) = Duplex.Create();
        using SpdyPeer peer = new(theirs);
        Task<string?> serving = SpdyCommand.ServeAsync(ours, V4, new(Input: true, Output: true, Error: false, Tty: false), async (streams, left) =>
        {
            byte[] word = new byte[16];
            int count = await streams.Input!.ReadAsync(word, left);
            await streams.Output!.WriteAsync(word.AsMemory(0, count), left);
            Assert.Null(streams.Error);
            return StreamStatus.Exited(3, ["sh", "-c", "x"]);
        }, TimeSpan.FromSeconds(30), TimeProvider.System, Cancel);

        await peer.OpenAsync(1, headers: ("streamtype", "error"));
        await peer.OpenAsync(3, headers: ("streamtype", "stdin"));
        await peer.OpenAsync(5, headers: ("streamtype", "stdout"));
        await peer.SendAsync(SpdyPeer.Data(3, "hello"u8.ToArray()));

        Assert.Equal("hello", Encoding.ASCII.GetString(await peer.ToEndAsync(5)));
        JsonNode status = JsonNode.Parse(await peer.ToEndAsync(1))!;
        Assert.Equal(("Failure", "NonZeroExitCode"), ((string?)status["status"], (string?)status["reason"]));
        Assert.Equal("""{"causes":[{"message":"3","reason":"ExitCode"}]}""", Sorted(status["details"]!));
        Assert.Equal(SpdyPeer.GoAway, (await peer.NextAsync())?.Type);
        peer.Dispose();
        Assert.Null(await serving);
    }

    [Fact]
    public async Task A_client_that_never_opens_its_streams_is_let_go_after_thirty_seconds()
    {
        FakeTimeProvider time = new();
        (Stream ours, Stream theirs) = Duplex.Create();
        using SpdyPeer peer = new(theirs);
        Task<string?> serving = SpdyCommand.ServeAsync(
            ours, V4, new(true, true, true, false), (_, _) => throw new InvalidOperationException("must not begin"), TimeSpan.FromSeconds(30), time, Cancel);
        await peer.OpenAsync(1, headers: ("streamtype", "error"));
        Assert.Equal(SpdyPeer.SynReply, (await peer.NextAsync())?.Type);

        time.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal(SpdyPeer.GoAway, (await peer.NextAsync())?.Type);
        peer.Dispose();
        Assert.Equal("timed out waiting for client to create streams", await serving);
    }

    [Fact]
    public async Task Streams_that_were_not_asked_for_or_come_twice_are_refused()
    {
        (Stream ours, Stream theirs) = Duplex.Create();
        using SpdyPeer peer = new(theirs);
        Task serving = SpdyCommand.ServeAsync(ours, V2, new(Input: false, Output: true, Error: false, Tty: true), (_, _) => Task.FromResult<StreamStatus?>(StreamStatus.Success), TimeSpan.FromSeconds(30), TimeProvider.System, Cancel);
        uint id = 1;
        foreach (string type in (string[])["resize", "stdin", "error", "error", "nonsense"])
        {
            await peer.OpenAsync(id, headers: ("streamtype", type));
            Assert.Equal(SpdyPeer.SynReply, (await peer.NextAsync())?.Type);
            if (id != 5) Assert.Equal((SpdyPeer.RstStream, id), await peer.NextAsync() is { } frame ? (frame.Type, frame.Stream) : default);
            id += 2;
        }
        await peer.OpenAsync(id, headers: ("streamtype", "stdout"));

        Assert.Empty(await peer.ToEndAsync(5));
        peer.Dispose();
        await serving;
    }

    [Fact]
    public async Task A_connection_on_which_nothing_happens_is_idle()
    {
        FakeTimeProvider time = new();
        (Stream ours, Stream theirs) = Duplex.Create();
        using Stream both = theirs;
        IdleStream stream = new(ours, time);
        Task idle = stream.IdleForAsync(TimeSpan.FromMinutes(5), Cancel);

        time.Advance(TimeSpan.FromMinutes(4));
        await stream.WriteAsync(new byte[1], Cancel);
        time.Advance(TimeSpan.FromMinutes(4));
        Assert.False(idle.IsCompleted);
        time.Advance(TimeSpan.FromMinutes(2));

        await idle.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
    }

    [Fact]
    public void A_status_is_json_where_the_protocol_knows_it_and_the_failure_alone_where_not()
    {
        Assert.Equal("Success", (string?)JsonNode.Parse(StreamStatus.Success.ToJson())!["status"]);
        Assert.Empty(StreamStatus.Success.ToText());
        Assert.Equal("command terminated with non-zero exit code: error executing command [a b], exit code 2", Encoding.UTF8.GetString(StreamStatus.Exited(2, ["a", "b"]).ToText()));
        JsonNode failure = JsonNode.Parse(StreamStatus.Internal("error executing command in container: no").ToJson())!;
        Assert.Equal(("InternalError", 500), ((string?)failure["reason"], (int?)failure["code"]));
        Assert.Equal("Internal error occurred: error executing command in container: no", (string?)failure["message"]);
    }

    [Fact]
    public void Sizes_come_one_behind_the_other_in_any_pieces()
    {
        TerminalSizes sizes = new();

        Assert.Equal([new TerminalSize(24, 80)], sizes.Take("""{"Width":80,"Height":24}{"Wid"""u8));
        Assert.Equal([new TerminalSize(50, 132)], sizes.Take("""th":132,"Height":50} {"Width":0,"Height":0}"""u8));
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => sizes.Take("""{nonsense}"""u8));
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => new TerminalSizes().Take(new byte[2000]));
    }

    [Fact]
    public void A_size_under_names_that_are_no_text_is_none() =>
        Assert.Empty(new TerminalSizes().Take([(byte)'{', (byte)'"', 0xff, 0xfe, (byte)'"', .. ":81}"u8]));

    [Theory]
    [InlineData("/exec/ns/pod/c", "exec", null, "c")]
    [InlineData("/attach/ns/pod/uid/c", "attach", "uid", "c")]
    [InlineData("/portForward/ns/pod", "portForward", null, "")]
    [InlineData("/portForward/ns/pod/uid", "portForward", "uid", "")]
    [InlineData("/run/ns/pod/c", "run", null, "c")]
    public void A_path_names_pod_and_container(string path, string action, string? uid, string container) =>
        Assert.Equal((action, new StreamTarget("ns", "pod", uid, container)), StreamTarget.Parse(path));

    [Theory]
    [InlineData("/exec/ns/pod")]
    [InlineData("/exec/ns/pod/uid/c/more")]
    [InlineData("/portforward/ns/pod")]
    [InlineData("/logs/a/b/c")]
    public void Other_paths_name_nothing(string path) => Assert.Null(StreamTarget.Parse(path));

    [Fact]
    public async Task Room_is_given_in_turn_and_a_waiter_that_leaves_frees_those_behind_it()
    {
        ByteRoom room = new(100);
        await room.TakeAsync(80, Cancel);
        using CancellationTokenSource leaving = new();
        Task large = room.TakeAsync(90, leaving.Token).AsTask(), small = room.TakeAsync(20, Cancel).AsTask();
        Assert.False(small.IsCompleted);

        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        await small;
    }

    private static string Sorted(JsonNode node)
    {
        JsonObject cause = node["causes"]![0]!.AsObject();
        return new JsonObject { ["causes"] = new JsonArray(new JsonObject(cause.OrderBy(p => p.Key).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())))) }.ToJsonString();
    }
}
