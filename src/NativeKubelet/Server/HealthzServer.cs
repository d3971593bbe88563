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

    internal static Routes Answers(ImmutableArray<HealthCheck> checks)
    {
        Routes routes = new();
        foreach (string method in new[] { "GET", "HEAD" })
        {
            routes.Add(method, "/healthz", (request, _, to, cancel) => SendAsync(
                to, HealthAnswers.Of(checks, name => request.Query.TryGetValue("exclude", out string? left) && left == name, request.Query.ContainsKey("verbose")), cancel));
            foreach (HealthCheck check in checks)
                routes.Add(method, $"/healthz/{check.Name}", (_, _, to, cancel) => SendAsync(to, HealthAnswers.Of(check), cancel));
        }
        return routes;
    }

    public ValueTask DisposeAsync() => _http.DisposeAsync();

    private static Task SendAsync(HttpResponse to, (int Status, string Text) answer, CancellationToken cancel) => to.TextAsync(answer.Status, answer.Text, cancel);
}
