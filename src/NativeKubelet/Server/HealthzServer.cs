using System.Net;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Server;

/// <summary>The kubelet's health port (healthzBindAddress, healthzPort): what load balancers, kubeadm and systemd checks ask.</summary>
public sealed class HealthzServer : IAsyncDisposable
{
    private readonly HttpListener _http;

    /// <param name="syncLoop">False when the loop over the pods has not come round for too long.</param>
    public HealthzServer(IPEndPoint endpoint, Func<bool> syncLoop, TimeProvider time, ILoggerFactory logs)
    {
        _http = new HttpListener(Answers(syncLoop), time, logs.CreateLogger<HttpListener>());
        _http.Listen(endpoint);
    }

    /// <summary>The original's texts: a check that is asked alone says ok or that it failed, all together are listed on failure.</summary>
    internal static Routes Answers(Func<bool> syncLoop)
    {
        Routes routes = new();
        foreach (string method in new[] { "GET", "HEAD" })
            routes
                .Add(method, "/healthz", (_, _, to, cancel) => All(to, syncLoop(), cancel))
                .Add(method, "/healthz/ping", (_, _, to, cancel) => to.TextAsync(200, "ok", cancel))
                .Add(method, "/healthz/log", (_, _, to, cancel) => to.TextAsync(200, "ok", cancel))
                .Add(method, "/healthz/syncloop", (_, _, to, cancel) =>
                    syncLoop() ? to.TextAsync(200, "ok", cancel) : to.TextAsync(500, "internal server error: sync Loop took longer than expected\n", cancel));
        return routes;
    }

    public ValueTask DisposeAsync() => _http.DisposeAsync();

    private static Task All(HttpResponse to, bool syncs, CancellationToken cancel) => syncs
        ? to.TextAsync(200, "ok", cancel)
        : to.TextAsync(500, "[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n", cancel);
}
