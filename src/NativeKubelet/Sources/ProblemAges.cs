using System.Collections.Immutable;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Sources;

/// <summary>Remembers since when a problem has been there, so that a listing that finds it again does not make it new.</summary>
internal sealed class ProblemAges
{
    private Dictionary<ManifestProblem, DateTimeOffset> _since = [];

    /// <returns>The problems with their ages, and those that were not there before.</returns>
    public (ImmutableArray<ManifestProblem> All, ImmutableArray<ManifestProblem> New) Date(IEnumerable<ManifestProblem> problems, DateTimeOffset now)
    {
        Dictionary<ManifestProblem, DateTimeOffset> next = [];
        ImmutableArray<ManifestProblem>.Builder all = ImmutableArray.CreateBuilder<ManifestProblem>(), fresh = ImmutableArray.CreateBuilder<ManifestProblem>();
        foreach (ManifestProblem problem in problems)
        {
            ManifestProblem key = problem with { Since = default, StandIn = false };
            DateTimeOffset since = _since.GetValueOrDefault(key, now);
            all.Add(problem with { Since = since });
            if (!_since.ContainsKey(key) && !next.ContainsKey(key)) fresh.Add(all[^1]);
            next[key] = since;
        }
        _since = next;
        return (all.ToImmutable(), fresh.ToImmutable());
    }
}
