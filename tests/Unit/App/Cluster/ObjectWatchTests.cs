using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Cluster;
using NativeKubelet.Tests.Unit.App.Probes;

namespace NativeKubelet.Tests.Unit.App.Cluster;

/// <summary>Against a server that says what a test says, as no other would be silent for as long as these need.</summary>
public sealed partial class ObjectWatchTests : IAsyncDisposable
{
    private const string Five = """{"kind":"ConfigMap","metadata":{"name":"a","namespace":"d","uid":"1","resourceVersion":"5"}}""";
    private static readonly string Empty = Answer("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"4"},"items":[]}""");

    private readonly TimersOnShow _time = new();
    private readonly CancellationTokenSource _end = new(TimeSpan.FromSeconds(30));
    private readonly Channel<Connection> _connections = Channel.CreateUnbounded<Connection>();
    private readonly ScriptedServer _server;
    private readonly ApiTransport _transport;
    private readonly ObjectWatch<V1ConfigMap, V1ConfigMapList> _watch;
    private readonly Task _running;

    public ObjectWatchTests()
    {
        _server = new ScriptedServer(async (stream, cancel) =>
        {
            Connection connection = new(stream, await ScriptedServer.HeadAsync(stream, cancel));
            await _connections.Writer.WriteAsync(connection, cancel);
            await connection.Over.Task.WaitAsync(cancel);
        });
        KubeconfigUser nobody = new(null, null, null, null, null, null, null, null, null, null, []);
        Kubeconfig cluster = new(new Uri($"http://127.0.0.1:{_server.Port}/"), null, null, null, false, null, nobody);
        _transport = new(cluster, new ApiCredentials(nobody, null, null, _time), _time);
        _watch = new(new ApiClient(cluster.Server, _transport, null, ApiClient.UsualPatience), "api/v1/configmaps", static _ => { }, _time, NullLogger.Instance);
        _running = _watch.RunAsync(_end.Token);
    }

    [Fact]
    public async Task A_server_that_gives_signs_of_life_is_asked_once_in_half_a_day()
    {
        await (await NextAsync()).EndAsync(Empty);
        Connection watch = await NextAsync();
        Assert.InRange(int.Parse(Timeout().Match(watch.Head).Groups[1].Value, CultureInfo.InvariantCulture), 12 * 3600, 24 * 3600);

        await watch.SayAsync("HTTP/1.1 200 OK\r\n\r\n");
        for (int version = 5; version < 25; version++)
        {
            Task postponed = _time.NextChange;
            await watch.SayAsync("""{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"N"}}}""".Replace("N", $"{version}", StringComparison.Ordinal) + "\n");
            await postponed.WaitAsync(_end.Token);
            _time.Advance(TimeSpan.FromMinutes(4));
        }
        Assert.False(_connections.Reader.TryRead(out _));

        watch.Over.SetResult();
        Assert.Contains("resourceVersion=24", (await NextAsync()).Head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_that_is_silent_is_begun_again_where_it_was()
    {
        await (await NextAsync()).EndAsync(Empty);
        Connection watch = await NextAsync();
        Task changed = _watch.Changed;
        await watch.SayAsync("HTTP/1.1 200 OK\r\n\r\n" + $$"""{"type":"ADDED","object":{{Five}}}""" + "\n");
        await changed.WaitAsync(_end.Token);

        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.Contains("resourceVersion=5", (await NextAsync()).Head, StringComparison.Ordinal);
        Assert.Equal("a", Assert.Single(_watch.Objects.Values).Metadata.Name);
    }

    [Theory]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"6"}}}""")]
    [InlineData("""{"type":"ADDED","object":{}}""")]
    [InlineData("""{"type":"ADDED","object":null}""")]
    [InlineData("""{"type":7,"object":{}}""")]
    [InlineData("""{"type":"BOOKMARK","object":{"metadata":{}}}""")]
    [InlineData("7")]
    [InlineData("")]
    public async Task What_is_no_event_changes_nothing_and_all_is_listed_anew(string line)
    {
        await (await NextAsync()).EndAsync(Empty);
        await (await NextAsync()).EndAsync($"HTTP/1.1 200 OK\r\n\r\n{line}{(line.Length == 0 ? "{\"type\"" : "")}\n");

        Assert.DoesNotContain("watch=true", (await AfterAPauseAsync()).Head, StringComparison.Ordinal);
        Assert.Empty(_watch.Objects);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"kind":"Status","metadata":{"resourceVersion":"5"}}""")]
    [InlineData("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}]}""")]
    [InlineData("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[null]}""")]
    [InlineData("""{"kind":"ConfigMapList","metadata":{"resourceVersion":""},"items":[]}""")]
    [InlineData("""{"kind":"ConfigMapList","items":[]}""")]
    public async Task What_is_no_list_takes_nothing_away_and_is_asked_for_again(string list)
    {
        await (await NextAsync()).EndAsync(Answer($$"""{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[{{Five}}]}"""));
        await (await NextAsync()).EndAsync("HTTP/1.1 200 OK\r\n\r\n" + """{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}""" + "\n");
        await (await NextAsync()).EndAsync(Answer(list));

        Connection next = await AfterAPauseAsync();
        Assert.Single(_watch.Objects);
        await next.EndAsync(Answer("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"6"},"items":null}"""));
        Assert.Contains("resourceVersion=6", (await NextAsync()).Head, StringComparison.Ordinal);
        Assert.Empty(_watch.Objects);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _transport.Dispose();
        await _server.DisposeAsync();
        _end.Dispose();
    }

    private static string Answer(string json) => $"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\nConnection: close\r\n\r\n{json}";

    private Task<Connection> NextAsync() => _connections.Reader.ReadAsync(_end.Token).AsTask();

    /// <summary>Once the pause has begun, which nothing outside can see, the clock's next steps end it.</summary>
    private async Task<Connection> AfterAPauseAsync()
    {
        Task<Connection> next = NextAsync();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(next, Task.Delay(1, _end.Token));
        }
        return await next;
    }

    [GeneratedRegex("timeoutSeconds=([0-9]+)")]
    private static partial Regex Timeout();

    /// <summary>A bookmark does nothing that could be seen but put off the end of patience, which is a timer of this clock.</summary>
    private sealed class TimersOnShow : FakeTimeProvider
    {
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when a timer is set anew; to be had before.</summary>
        public Task NextChange => Volatile.Read(ref _next).Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Shown(base.CreateTimer(callback, state, dueTime, period), () => Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult());

        private sealed class Shown(ITimer timer, Action changed) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                bool done = timer.Change(dueTime, period);
                changed();
                return done;
            }

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }

    private sealed record Connection(Stream Stream, string Head)
    {
        public TaskCompletionSource Over { get; } = new();

        public async Task SayAsync(string text) => await Stream.WriteAsync(Encoding.UTF8.GetBytes(text));

        public async Task EndAsync(string text)
        {
            await SayAsync(text);
            Over.SetResult();
        }
    }
}
