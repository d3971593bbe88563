namespace NativeKubelet.Core.Objects;

/// <summary>
/// How long a token is good, counted from its arrival: no clock of the server's is compared with one of the node's.
/// </summary>
/// <param name="Whole">From issue to expiry.</param>
public readonly record struct TokenLife(TimeSpan Whole)
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24), Jitter = TimeSpan.FromSeconds(10);

    /// <summary>When a newer one is asked for: after four fifths of its life, and daily at least.</summary>
    /// <param name="random">From 0 to 1; pods that started together do not ask together.</param>
    public TimeSpan RenewAfter(double random)
    {
        TimeSpan fresh = Whole * 0.8;
        return (fresh < Longest ? fresh : Longest) - (Jitter * random);
    }

    public bool IsOver(TimeSpan age) => age >= Whole;
}
