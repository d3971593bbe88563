using System.Security.Cryptography.X509Certificates;

namespace NativeKubelet.Server.Access;

/// <summary>What was found out about a connection's client certificate, and how long that holds: it may expire, and authorities may change.</summary>
/// <param name="Caller">Null: nobody that is trusted vouches for it.</param>
/// <param name="By">The authorities that were asked.</param>
/// <param name="At">Monotonic.</param>
internal sealed record PeerVerdict(Caller? Caller, X509Certificate2Collection By, long At);
