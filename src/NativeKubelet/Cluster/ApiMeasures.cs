using NativeKubelet.Core.Stats;

namespace NativeKubelet.Cluster;

/// <summary>Requests to one API server, until the head of their answer.</summary>
public sealed class ApiMeasures(string host)
{
    private readonly CounterFamily _answers = new(
        "rest_client_requests_total", "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.", "code", "host", "method");

    private static readonly Buckets Latencies = new(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60);

    private readonly HistogramFamily _durations = new(
        "rest_client_request_duration_seconds", "[ALPHA] Request latency in seconds. Broken down by verb, and host.", Latencies, "host", "verb");

    private readonly HistogramFamily _waits = new(
        "rest_client_rate_limiter_duration_seconds", "[ALPHA] Client side rate limiter latency in seconds. Broken down by verb, and host.", Latencies, "host", "verb");

    /// <param name="code">The answer's status; null: there was none.</param>
    public void Answered(string method, string? code, TimeSpan duration)
    {
        _answers.Increment((code ?? "<error>", host, method));
        _durations.Of((host, method)).Observe(duration);
    }

    /// <summary>Before a request, for its turn.</summary>
    public void Waited(string method, TimeSpan duration) => _waits.Of((host, method)).Observe(duration);

    public void Write(MetricText to)
    {
        _waits.Write(to);
        _answers.Write(to);
        _durations.Write(to);
    }
}
