using System.Collections.Immutable;

namespace NativeKubelet.Server;

/// <summary>What is told of the agent's health: the original's texts, which monitors compare.</summary>
public static class HealthAnswers
{
    /// <summary>A check that is asked alone says ok or what it lacks.</summary>
    public static (int Status, string Text) Of(HealthCheck check) => check.Fault() is { } fault ? (500, $"internal server error: {fault}\n") : (200, "ok");

    /// <summary>All together are listed on failure, or where <paramref name="verbose"/>.</summary>
    public static (int Status, string Text) Of(ImmutableArray<HealthCheck> checks, Func<string, bool> excluded, bool verbose)
    {
        string list = "";
        bool well = true;
        foreach (HealthCheck check in checks)
        {
            if (excluded(check.Name))
            {
                list += $"[+]{check.Name} excluded: ok\n";
                continue;
            }
            bool fails = check.Fault() is not null;
            well &= !fails;
            list += fails ? $"[-]{check.Name} failed: reason withheld\n" : $"[+]{check.Name} ok\n";
        }
        if (!well) return (500, $"{list}healthz check failed\n");
        return (200, verbose ? $"{list}healthz check passed\n" : "ok");
    }
}
