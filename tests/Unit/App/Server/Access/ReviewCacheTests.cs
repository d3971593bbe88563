using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Server.Access;

namespace NativeKubelet.Tests.Unit.App.Server.Access;

public sealed class ReviewCacheTests
{
    private readonly FakeTimeProvider _time = new();
    private int _asked;

    [Fact]
    public async Task An_answer_holds_for_its_time_and_no_longer()
    {
        ReviewCache<string> cache = new(10, answer => TimeSpan.FromSeconds(answer == "yes" ? 300 : 30), _time);

        await cache.GetAsync("a", () => Answer("yes"));
        await cache.GetAsync("b", () => Answer("no"));
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal("yes", await cache.GetAsync("a", () => Answer("other")));
        Assert.Equal("other", await cache.GetAsync("b", () => Answer("other")));
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task Who_asks_at_the_same_time_asks_once()
    {
        ReviewCache<string> cache = new(10, _ => TimeSpan.FromMinutes(1), _time);
        TaskCompletionSource<string> slow = new();

        Task<string>[] all = [.. Enumerable.Range(0, 5).Select(_ => cache.GetAsync("a", () => { _asked++; return slow.Task; }))];
        slow.SetResult("yes");

        Assert.Equal(Enumerable.Repeat("yes", 5), await Task.WhenAll(all));
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task A_failure_is_not_kept()
    {
        ReviewCache<string> cache = new(10, _ => TimeSpan.FromMinutes(1), _time);

        await Assert.ThrowsAsync<IOException>(() => cache.GetAsync("a", () => Task.FromException<string>(new IOException())));

        Assert.Equal("yes", await cache.GetAsync("a", () => Answer("yes")));
    }

    [Fact]
    public async Task A_stranger_who_asks_ever_new_questions_does_not_fill_the_memory()
    {
        ReviewCache<string> cache = new(10, _ => TimeSpan.FromMinutes(1), _time);

        for (int i = 0; i < 1000; i++) await cache.GetAsync($"{i}", () => Answer("no"));

        Assert.Equal(10, cache.Count);
    }

    private Task<string> Answer(string text)
    {
        _asked++;
        return Task.FromResult(text);
    }
}
