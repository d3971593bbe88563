using System.Collections.Immutable;

namespace NativeKubelet.Server;

/// <summary>One thing that must be well for the agent to be well.</summary>
/// <param name="Name">As the original's: ping, log, syncloop.</param>
/// <param name="Fault">What is wrong now; null: nothing.</param>
public sealed record HealthCheck(string Name, Func<string?> Fault)
{
    /// <summary>Somebody answers at all.</summary>
    public static HealthCheck Ping { get; } = new("ping", static () => null);

    /// <returns>The first fault, with its check's name; null when all is well.</returns>
    public static string? FaultOf(ImmutableArray<HealthCheck> checks)
    {
        foreach (HealthCheck check in checks)
            if (check.Fault() is { } fault) return $"{check.Name}: {fault}";
        return null;
    }
}
