using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Cluster.Certificates;

/// <summary>How long the node's certificates are still good, and how often a newer one could not be had: what alerts are made of.</summary>
/// <param name="client">The one in use; disposed of here. Null: there is none.</param>
/// <param name="serving">Null: nobody renews a serving certificate here, and nothing is told of it.</param>
internal sealed class CertificateMeasures(Func<X509Certificate2?> client, Func<X509Certificate2?>? serving, TimeProvider time)
{
    public CounterFamily ClientFailures { get; } = new("kubelet_certificate_manager_client_expiration_renew_errors", "[ALPHA] Counter of certificate renewal errors.");

    public CounterFamily ServingFailures { get; } = new("kubelet_server_expiration_renew_errors", "[ALPHA] Counter of certificate renewal errors.");

    public void Write(MetricText to)
    {
        to.Family(
            "kubelet_certificate_manager_client_ttl_seconds", "gauge",
            "[ALPHA] Gauge of the TTL (time-to-live) of the Kubelet's client certificate. The value is in seconds until certificate expiry (negative if already expired). If client certificate is invalid or unused, the value will be +INF.")
            .Sample("", SecondsOf(client));
        ClientFailures.Write(to);
        if (serving is null) return;
        to.Family(
            "kubelet_certificate_manager_server_ttl_seconds", "gauge",
            "[ALPHA] Gauge of the shortest TTL (time-to-live) of the Kubelet's serving certificate. The value is in seconds until certificate expiry (negative if already expired). If serving certificate is invalid or unused, the value will be +INF.")
            .Sample("", SecondsOf(serving));
        ServingFailures.Write(to);
    }

    private double SecondsOf(Func<X509Certificate2?> read)
    {
        using X509Certificate2? certificate = read();
        return certificate is null ? double.PositiveInfinity : Math.Truncate((certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime).TotalSeconds);
    }
}
