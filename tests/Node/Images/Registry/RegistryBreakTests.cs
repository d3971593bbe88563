using System.Security.Cryptography;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>Connections that break, hosts that are overloaded, silent, wrong or gone.</summary>
public sealed class RegistryBreakTests : IAsyncDisposable
{
    private const int LayerSize = 3_000_000;
    private readonly RegistryBench _bench = new();

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(300_000)]
    [InlineData(1)]
    public async Task A_layer_goes_on_where_the_connection_broke(int piece)
    {
        await ServeAsync();
        int breaks = 0;
        // One byte at a time would be no progress; it breaks as often as is borne, once.
        await using LoopbackServer cutting = Front((r, a) => IsLayer(r, a) && (piece > 1 || ++breaks < 4) ? Cut(a, piece) : a);

        ImageRecord image = await _bench.PullAsync($"{cutting.Host}/team/app:1");

        Assert.Single(image.Layers);
        string[] ranges = [.. cutting.Requests.Where(r => r["range"] is not null).Select(r => r["range"]!)];
        Assert.Equal($"bytes={piece}-", ranges[0]);
        Assert.Equal(ranges.Distinct(), ranges);
    }

    [Fact]
    public async Task A_registry_that_cannot_begin_in_the_middle_is_read_past_what_is_here()
    {
        await ServeAsync();
        LoopbackServer front = null!;
        int pieces = 0;
        await using LoopbackServer cutting = front = new(async (request, cancel) =>
        {
            LoopbackAnswer whole = await front.ForwardAsync(_bench.Server, request with { Headers = request.Headers.Remove("range") }, cancel);
            return IsLayer(request, whole) && ++pieces < 3 ? Cut(whole, 1_000_000 * pieces) : whole;
        });

        await _bench.PullAsync($"{cutting.Host}/team/app:1");

        Assert.Equal(["bytes=1000000-", "bytes=2000000-"], cutting.Requests.Where(r => r["range"] is not null).Select(r => r["range"]!));
    }

    [Fact]
    public async Task A_registry_that_refuses_ranges_is_asked_from_the_start()
    {
        await ServeAsync();
        bool cut = false;
        await using LoopbackServer front = Front((r, a) =>
        {
            if (r["range"] is not null) return LoopbackAnswer.Of(416);
            if (cut || !IsLayer(r, a)) return a;
            cut = true;
            return Cut(a, 1_000_000);
        });

        await _bench.PullAsync($"{front.Host}/team/app:1");

        Assert.True(cut);
    }

    [Fact]
    public async Task A_layer_that_comes_to_a_halt_goes_on_with_another_connection()
    {
        await ServeAsync();
        _bench.Settings = _bench.Settings with { IdleTimeout = TimeSpan.FromMilliseconds(200) };
        LoopbackServer front = null!;
        TaskCompletionSource never = new();
        await using LoopbackServer halting = front = new(async (request, cancel) =>
        {
            LoopbackAnswer answer = await front.ForwardAsync(_bench.Server, request, cancel);
            return IsLayer(request, answer) && request["range"] is null ? Cut(answer, 1_000_000) with { Then = never.Task } : answer;
        });

        await _bench.PullAsync($"{halting.Host}/team/app:1");

        Assert.Contains(halting.Requests, r => r["range"] == "bytes=1000000-");
    }

    [Fact]
    public async Task A_layer_that_always_breaks_is_given_up_and_kept_for_the_next_try()
    {
        await ServeAsync();
        bool cuts = true;
        await using LoopbackServer cutting = Front((r, a) => cuts && IsLayer(r, a) ? Cut(a, 1000) : a);
        using var store = _bench.NewStore();

        ImageException broken = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync($"{cutting.Host}/team/app:1", [], null, StoreHost.Deadline()));
        cuts = false;
        await store.PullAsync($"{cutting.Host}/team/app:1", [], null, StoreHost.Deadline());

        Assert.Equal("ErrImagePull", broken.Reason);
        Assert.Matches(@": blob sha256:[0-9a-f]{64}: broke off 4 times, last at byte 4000 of \d+: ", broken.Message);
        Assert.Equal("bytes=4000-", cutting.Requests[^1]["range"]);
    }

    [Fact]
    public async Task A_host_that_is_overloaded_is_asked_again()
    {
        await ServeAsync();
        int asked = 0;
        await using LoopbackServer front = Front((r, a) => ++asked % 3 == 0 ? a : LoopbackAnswer.Of(asked % 3 == 1 ? 503 : 429, "", "Retry-After: 0"));

        await _bench.PullAsync($"{front.Host}/team/app:1");

        Assert.Equal(9, asked);
    }

    [Fact]
    public async Task A_host_that_wants_to_be_left_alone_for_long_is()
    {
        await using LoopbackServer server = new(_ => LoopbackAnswer.Of(429, """{"errors":[{"code":"TOOMANYREQUESTS","message":"come back later"}]}""", "Retry-After: 3600"));

        ImageException busy = await _bench.FailAsync($"{server.Host}/team/app:1");

        Assert.Equal("ErrImagePull", busy.Reason);
        Assert.Contains("429 Said: come back later", busy.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("127.0.0.1:1", "cannot connect: Connection refused")]
    [InlineData("registry.invalid", "the name cannot be resolved: ")]
    public async Task A_registry_that_cannot_be_reached_is_told_as_unavailable(string registry, string cause)
    {
        ImageException gone = await _bench.FailAsync($"{registry}/team/app:1");

        Assert.Equal("RegistryUnavailable", gone.Reason);
        Assert.StartsWith($"{registry}/team/app:1: http", gone.Message, StringComparison.Ordinal);
        Assert.Contains(cause, gone.Message, StringComparison.Ordinal);
        Assert.EndsWith("; check name resolution, network and proxy, or import the image from an archive", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_that_never_answers_is_told_as_unavailable()
    {
        TaskCompletionSource never = new();
        await using LoopbackServer silent = new(async (_, cancel) =>
        {
            await never.Task.WaitAsync(cancel);
            return LoopbackAnswer.Of(200);
        });
        _bench.Settings = _bench.Settings with { AnswerTimeout = TimeSpan.FromMilliseconds(100) };

        Assert.Equal("RegistryUnavailable", (await _bench.FailAsync($"{silent.Host}/team/app:1")).Reason);
        Assert.Single(silent.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_manifest_without_end_is_refused(bool announced)
    {
        byte[] endless = new byte[9 << 20];
        await using LoopbackServer server = new(_ => new(200, endless, [], announced ? null : 1 << 30));

        Assert.Contains("the answer is larger than 8192 KiB", (await _bench.FailAsync($"{server.Host}/team/app:1")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"errors\"")]
    [InlineData("{\"errors\":null}")]
    [InlineData("{\"errors\":[null,{\"code\":null}]}")]
    [InlineData("<html>")]
    public async Task An_error_that_makes_no_sense_is_told_by_its_status(string body)
    {
        await using LoopbackServer server = new(_ => LoopbackAnswer.Of(418, body));

        Assert.EndsWith($"http://{server.Host}: 418 Said", (await _bench.FailAsync($"{server.Host}/team/app:1")).Message, StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private static bool IsLayer(LoopbackRequest request, LoopbackAnswer answer) => request.Target.Contains("/blobs/", StringComparison.Ordinal) && answer.Body.Length > 10_000;

    private static LoopbackAnswer Cut(LoopbackAnswer answer, int count) => answer.Body.Length <= count ? answer : answer with { Body = answer.Body[..count], Length = answer.Body.Length };

    private async Task ServeAsync()
    {
        await _bench.StartAsync();
        // What cannot be packed: skopeo packs it, and the size stays about the same.
        await _bench.PushAsync("team/app:1", new LayerBuilder().File("content", Convert.ToBase64String(RandomNumberGenerator.GetBytes(LayerSize))));
    }

    private LoopbackServer Front(Func<LoopbackRequest, LoopbackAnswer, LoopbackAnswer> change)
    {
        LoopbackServer front = null!;
        front = new(async (request, cancel) => change(request, await front.ForwardAsync(_bench.Server, request, cancel)));
        return front;
    }
}
