using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Server;

/// <summary>The kubelet's health port (healthzBindAddress, healthzPort): what load balancers, kubeadm and systemd checks ask.</summary>
public sealed class HealthzServer : IAsyncDisposable
{
    private readonly HttpListener _http;

    public HealthzServer(IPEndPoint endpoint, ImmutableArray<HealthCheck> checks, TimeProvider time, ILoggerFactory logs)
    {
        _http = new HttpListener(Answers(checks), time, logs.CreateLogger<HttpListener>());
        _http.Listen(endpoint);
    }

    /// <summary>The original's texts: a check that is asked alone says ok or what it lacks; all together are listed on failure, or with ?verbose.</summary>
    internal static Routes Answers(ImmutableArray<HealthCheck> checks)
    {
        Routes routes = new();
        foreach (string method in new[] { "GET", "HEAD" })
        {
            routes.Add(method, "/healthz", (request, _, to, cancel) => All(checks, request, to, cancel));
            foreach (HealthCheck check in checks)
                routes.Add(method, $"/healthz/{check.Name}", (_, _, to, cancel) =>
                    check.Fault() is { } fault ? to.TextAsync(500, $"internal server error: {fault}\n", cancel) : to.TextAsync(200, "ok", cancel));
        }
        return routes;
    }

    public ValueTask DisposeAsync() => _http.DisposeAsync();

    private static Task All(ImmutableArray<HealthCheck> checks, HttpRequest request, HttpResponse to, CancellationToken cancel)
    {
        string list = "";
        bool well = true;
        foreach (HealthCheck check in checks)
        {
            if (request.Query.TryGetValue("exclude", out string? left) && left == check.Name)
            {
                list += $"[+]{check.Name} excluded: ok\n";
                continue;
            }
            bool fails = check.Fault() is not null;
            well &= !fails;
            list += fails ? $"[-]{check.Name} failed: reason withheld\n" : $"[+]{check.Name} ok\n";
        }
        if (!well) return to.TextAsync(500, $"{list}healthz check failed\n", cancel);
        return to.TextAsync(200, request.Query.ContainsKey("verbose") ? $"{list}healthz check passed\n" : "ok", cancel);
    }
}
