using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// Which part of something that all pods share each of them has, durably. The pods' directories are the only book that is kept:
/// a part is taken as long as its file is there, and goes with the pod's directory, whoever removes it.
/// </summary>
/// <param name="file">Its name in every pod's directory.</param>
/// <param name="parse">Null for what nobody can read.</param>
internal sealed class PodBook<T>(RuntimePaths paths, string file, Func<byte[], T?> parse, Func<T, byte[]> format) where T : struct
{
    private const int MostBytes = 64 << 10;
    private readonly Lock _gate = new();

    /// <summary>Writes down what the pod is to have.</summary>
    /// <param name="choose">From what it has now, and from what the others have, which are read when they are looked at.</param>
    /// <returns>What was chosen; null: nothing was, and nothing is written.</returns>
    public T? Enter(string podUid, Func<T?, IEnumerable<T>, T?> choose)
    {
        lock (_gate)
        {
            if (choose(Read(podUid), Others(podUid)) is not { } chosen) return null;
            Directory.CreateDirectory(paths.PodDirectory(podUid));
            AtomicFile.Write(FileOf(podUid), format(chosen), durable: true);
            return chosen;
        }
    }

    private IEnumerable<T> Others(string podUid)
    {
        foreach (string uid in Volumes.PodDirectory.All(paths))
            if (uid != podUid && Read(uid) is { } other) yield return other;
    }

    private T? Read(string podUid)
    {
        string path = FileOf(podUid);
        if (RegularFile.TryRead(path, MostBytes, out byte[] content) != RegularFileResult.Read) return null;
        if (parse(content) is { } part) return part;
        // Nobody can say what of the pod's files goes by it; the pod begins anew with another part.
        AtomicFile.SetAside(path);
        return null;
    }

    private string FileOf(string podUid) => Path.Combine(paths.PodDirectory(podUid), file);
}
