using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Sources;

namespace NativeKubelet.Tests.Unit.Sources;

public sealed class UrlSourceTests : IDisposable
{
    private const string Url = "http://user:hush@host/pods?token=hush";

    private readonly Folder _folder = new();
    private readonly Server _server = new();
    private readonly Recorded _log = new();
    private UrlSource _source;

    public UrlSourceTests() => _source = NewSource();

    [Fact]
    public async Task What_the_server_names_is_published_and_asked_for_with_the_headers()
    {
        PodSet set = (await Check(Folder.Pod("a")))!;

        Assert.Equal(("http", "a-n"), (set.Source, Names(set)));
        Assert.Equal(["one", "two"], _server.Last!.Headers.GetValues("X-Token"));
        Assert.True(_source.Ready);
    }

    [Fact]
    public async Task The_same_bytes_again_say_nothing_and_other_bytes_do()
    {
        await Check(Folder.Pod("a"));

        Assert.Null(await Check(Folder.Pod("a")));
        Assert.Equal("b-n", Names((await Check(Folder.Pod("b")))!));
    }

    [Fact]
    public async Task A_list_of_pods_is_taken_whole_or_not_at_all()
    {
        await Check(Folder.Pod("a"));

        PodSet set = (await Check("""{"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"i"}]}},{"metadata":{"name":"c"}}]}"""))!;

        Assert.Equal("a-n", Names(set));
        Assert.True(Assert.Single(set.Problems).StandIn);
    }

    [Fact]
    public async Task An_empty_answer_removes_the_pods()
    {
        await Check(Folder.Pod("a"));

        Assert.Equal("", Names((await Check(""))!));
    }

    [Theory]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.Found)]
    [InlineData(HttpStatusCode.NoContent)]
    public async Task Nothing_but_200_counts_and_failures_are_told_three_times(HttpStatusCode status)
    {
        await Check(Folder.Pod("a"));

        for (int i = 0; i < 5; i++) Assert.Null(await Check("", status));

        Assert.Null(await Check(Folder.Pod("a")));
        Assert.Equal(3, _log.Lines.Count(l => l.Contains("ManifestUrlFailed", StringComparison.Ordinal)));
        Assert.Single(_log.Lines, l => l.Contains("again, after 5 failures", StringComparison.Ordinal));
        Assert.DoesNotContain("hush", string.Concat(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Until_the_server_has_answered_the_source_is_not_ready()
    {
        await Check("", HttpStatusCode.BadGateway);

        Assert.False(_source.Ready);
    }

    [Fact]
    public async Task After_a_restart_an_invalid_answer_leaves_the_pods_of_before()
    {
        await Check(Folder.Pod("a"));
        _source = NewSource();

        PodSet set = (await Check("{"))!;

        Assert.Equal("a-n", Names(set));
        Assert.True(set.Problems.Single().StandIn);
    }

    [Fact]
    public async Task More_than_ten_mebibytes_are_not_taken_in()
    {
        await Check(new string('#', (10 << 20) + 1));

        Assert.False(_source.Ready);
    }

    [Fact]
    public async Task A_node_that_starts_without_its_server_runs_what_it_ran_until_the_server_answers()
    {
        await Check(Folder.Pod("a"));
        _source = NewSource();

        Assert.Equal("a-n", Names((await Check("", HttpStatusCode.BadGateway))!));
        Assert.True(_source.Ready);
        Assert.Null(await Check("", HttpStatusCode.BadGateway));
        Assert.Equal("b-n", Names((await Check(Folder.Pod("b")))!));
    }

    [Fact]
    public async Task After_a_fault_of_its_own_it_is_run_again_and_its_sets_go_on()
    {
        using CancellationTokenSource stop = new(), deadline = new(TimeSpan.FromSeconds(30));
        _server.Fault = new ArgumentException("unforeseen");
        await Assert.ThrowsAsync<ArgumentException>(() => _source.RunAsync(stop.Token));

        _server.Fault = null;
        _server.Answer(Folder.Pod("a"));
        Task run = _source.RunAsync(stop.Token);
        Assert.Equal("a-n", Names(await _source.Sets.ReadAsync(deadline.Token)));
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task It_asks_again_after_each_period_until_it_is_stopped()
    {
        using CancellationTokenSource stop = new(), deadline = new(TimeSpan.FromSeconds(30));
        _server.Answer(Folder.Pod("a"));
        Task run = _source.RunAsync(stop.Token);
        Assert.Equal("a-n", Names(await _source.Sets.ReadAsync(deadline.Token)));

        _server.Answer(Folder.Pod("b"));
        Task<PodSet> next = _source.Sets.ReadAsync(deadline.Token).AsTask();
        while (!next.IsCompleted)
        {
            // The source may not sleep yet when the clock moves, so it moves until the answer is there.
            _folder.Time.Advance(TimeSpan.FromSeconds(20));
            await Task.Yield();
        }

        Assert.Equal("b-n", Names(await next));
        await stop.CancelAsync();
        await run;
        Assert.True(_source.Sets.Completion.IsCompleted);
    }

    public void Dispose()
    {
        _source.Dispose();
        _folder.Dispose();
    }

    private static string Names(PodSet set) => string.Join(' ', set.Pods.Select(p => p.Metadata.Name));

    private async Task<PodSet?> Check(string body, HttpStatusCode status = HttpStatusCode.OK)
    {
        _server.Answer(body, status);
        await _source.CheckAsync(CancellationToken.None);
        return _source.Sets.TryRead(out PodSet? set) ? set : null;
    }

    private UrlSource NewSource() => new(
        Url, new Dictionary<string, IReadOnlyList<string>> { ["X-Token"] = ["one", "two"] }, "n", TimeSpan.FromSeconds(20),
        _folder.LastValid, _folder.Time, _log, _server);

    private sealed class Server : HttpMessageHandler
    {
        private (string Body, HttpStatusCode Status) _answer;

        public HttpRequestMessage? Last { get; private set; }

        public Exception? Fault { get; set; }

        public void Answer(string body, HttpStatusCode status = HttpStatusCode.OK) => _answer = (body, status);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Last = request;
            if (Fault is not null) throw Fault;
            return Task.FromResult(new HttpResponseMessage(_answer.Status) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(_answer.Body)) });
        }
    }

    private sealed class Recorded : ILogger<UrlSource>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (Lines) Lines.Add(formatter(state, exception));
        }
    }
}
