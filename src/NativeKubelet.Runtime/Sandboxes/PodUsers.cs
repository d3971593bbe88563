using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// Which ids each pod of its own user namespace has. The pods' directories are the only book that is kept: a range is taken
/// as long as its file is there, and goes with the pod's directory, whoever removes it.
/// </summary>
internal sealed class PodUsers(RuntimePaths paths, IdPool pool)
{
    private const int MostBytes = 4096;
    private readonly Lock _gate = new();

    /// <summary>The range that the pod has, or a new one, durably: a pod's files keep their owners over restarts.</summary>
    /// <exception cref="RuntimeException">No range is left.</exception>
    public IdRange Of(string podUid)
    {
        lock (_gate)
        {
            if (Read(podUid) is { } known) return known;
            string pods = Path.Combine(paths.Root, "pods");
            List<IdRange> taken = [];
            if (Directory.Exists(pods))
                foreach (string directory in Directory.EnumerateDirectories(pods))
                    if (Read(Path.GetFileName(directory)) is { } other) taken.Add(other);
            IdRange range = pool.Next(taken)
                ?? throw new RuntimeException("FailedCreatePodSandBox", $"could not find an empty slot to allocate a user namespace: all {pool.Pieces} ranges of ids are taken");
            Directory.CreateDirectory(paths.PodDirectory(podUid));
            AtomicFile.Write(FileOf(podUid), range.ToJson(), durable: true);
            return range;
        }
    }

    private IdRange? Read(string podUid)
    {
        string file = FileOf(podUid);
        if (RegularFile.TryRead(file, MostBytes, out byte[] content) != RegularFileResult.Read) return null;
        if (IdRange.TryParse(content) is { } range) return range;
        // Nobody can say whose files these are; the pod begins anew with other ids.
        AtomicFile.SetAside(file);
        return null;
    }

    private string FileOf(string podUid) => Path.Combine(paths.PodDirectory(podUid), "userns");
}
