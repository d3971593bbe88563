using NativeKubelet.Core.Containers.Users;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Which ids each pod of its own user namespace has.</summary>
internal sealed class PodUsers(RuntimePaths paths, IdPool pool)
{
    private readonly PodBook<IdRange> _book = new(paths, "userns", json => IdRange.TryParse(json), range => range.ToJson());

    /// <summary>The range that the pod has, or a new one, durably: a pod's files keep their owners over restarts.</summary>
    /// <exception cref="RuntimeException">No range is left.</exception>
    public IdRange Of(string podUid) => _book.Enter(podUid, (known, others) => known ?? pool.Next([.. others]))
        ?? throw new RuntimeException("FailedCreatePodSandBox", $"could not find an empty slot to allocate a user namespace: all {pool.Pieces} ranges of ids are taken");
}
