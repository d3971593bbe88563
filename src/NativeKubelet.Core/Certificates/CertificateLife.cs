namespace NativeKubelet.Core.Certificates;

/// <summary>From when until when a certificate is good.</summary>
public readonly record struct CertificateLife(DateTimeOffset From, DateTimeOffset Until)
{
    public bool IsOver(DateTimeOffset now) => now >= Until;

    /// <summary>When a newer one is asked for: between seven and nine tenths of its life, on every node at another moment.</summary>
    /// <param name="random">From 0 to 1.</param>
    public DateTimeOffset RenewAt(double random) => From + ((Until - From) * (0.7 + (0.2 * random)));
}
