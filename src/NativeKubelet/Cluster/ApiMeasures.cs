using NativeKubelet.Core.Stats;

namespace NativeKubelet.Cluster;

/// <summary>Requests to one API server, until the head of their answer.</summary>
public sealed class ApiMeasures(string host)
{
    private readonly CounterFamily _answers = new(
        "rest_client_requests_total", "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.", "code", "host", "method");

    private readonly HistogramFamily _durations = new(
        "rest_client_request_duration_seconds", "[ALPHA] Request latency in seconds. Broken down by verb, and host.",
        new Buckets(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60), "host", "verb");

    /// <param name="code">The answer's status; null: there was none.</param>
    public void Answered(string method, string? code, TimeSpan duration)
    {
        _answers.Increment((code ?? "<error>", host, method));
        _durations.Of((host, method)).Observe(duration);
    }

    public void Write(MetricText to)
    {
        _answers.Write(to);
        _durations.Write(to);
    }
}
