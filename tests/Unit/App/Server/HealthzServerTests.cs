using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Server;
using NativeKubelet.Tests.Node;

namespace NativeKubelet.Tests.Unit.App.Server;

public sealed class HealthzServerTests : IAsyncDisposable
{
    private readonly HttpClient _http = new();
    private readonly HealthzServer _server;
    private string? _stuck;

    public HealthzServerTests()
    {
        IPEndPoint endpoint = new(IPAddress.Loopback, LoopbackPort.Free());
        _http.BaseAddress = new Uri($"http://{endpoint}");
        _server = new(endpoint, [HealthCheck.Ping, new("log", () => null), new("syncloop", () => _stuck)], TimeProvider.System, NullLoggerFactory.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task While_all_is_well_it_says_ok_and_lists_the_checks_when_asked()
    {
        Assert.Equal((200, "ok"), await GetAsync("/healthz"));
        Assert.Equal((200, "ok"), await GetAsync("/healthz/syncloop"));
        Assert.Equal((200, "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n"), await GetAsync("/healthz?verbose"));
        Assert.Equal(404, (await GetAsync("/healthz/other")).Status);
    }

    [Fact]
    public async Task A_stuck_loop_is_not_healthy_and_ping_still_answers()
    {
        await GetAsync("/healthz");
        _stuck = "sync Loop took longer than expected (PLEG)";

        Assert.Equal((500, "[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n"), await GetAsync("/healthz"));
        Assert.Equal((500, "internal server error: sync Loop took longer than expected (PLEG)\n"), await GetAsync("/healthz/syncloop"));
        Assert.Equal((200, "ok"), await GetAsync("/healthz/ping"));
        Assert.Equal((200, "ok"), await GetAsync("/healthz?exclude=syncloop"));
    }

    private async Task<(int Status, string Text)> GetAsync(string path)
    {
        CancellationToken deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;
        while (true)
        {
            try
            {
                using HttpResponseMessage answer = await _http.GetAsync(path, deadline);
                return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(deadline));
            }
            catch (HttpRequestException)
            {
                // It binds on a thread of its own: nothing tells when it has but asking.
                await Task.Yield();
            }
        }
    }
}
