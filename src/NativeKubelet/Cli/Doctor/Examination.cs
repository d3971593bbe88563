using System.Collections.Immutable;

namespace NativeKubelet.Cli.Doctor;

/// <summary>All checks, in the order in which a person would mend what they find. Pure.</summary>
public static class Examination
{
    public static ImmutableArray<Finding> Of(NodeSight sight) =>
    [
        .. Rights(sight),
        .. MachineChecks.Of(sight),
        .. RuntimeChecks.Of(sight),
        .. NetworkChecks.Of(sight),
        .. sight.Storage.SelectMany(s => StorageChecks.Of(s, sight.MemoryProgramsForbidden)),
        .. ConfigChecks.Of(sight),
        .. NeighbourChecks.Of(sight),
    ];

    private static IEnumerable<Finding> Rights(NodeSight sight)
    {
        if (!sight.Root) yield return Finding.Fail("rights", "not root", "a node's agent is root, and much of what follows was not to be seen", "run doctor as root");
    }
}
