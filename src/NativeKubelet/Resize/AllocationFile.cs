using System.Text;
using NativeKubelet.Core.Pods;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Resize;

/// <summary>
/// What a pod was granted, in its directory and gone with it. Written, durably, from the first resize on that is decided: until
/// then the pod's spec, or what its groups were given, tells.
/// </summary>
internal sealed class AllocationFile(RuntimePaths paths)
{
    private const int MostBytes = 1 << 20;

    /// <returns>Null where there is none, or none that can be read: it is set aside then.</returns>
    public PodAllocation? Read(string uid)
    {
        try
        {
            FileInfo file = new(PathOf(uid));
            if (!file.Exists) return null;
            PodAllocation? allocation = file.Length <= MostBytes ? PodAllocation.TryParse(File.ReadAllText(file.FullName)) : null;
            if (allocation is null) AtomicFile.SetAside(file.FullName);
            return allocation;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <exception cref="IOException">The disk refuses.</exception>
    public void Write(string uid, PodAllocation allocation)
    {
        PodDirectory.Create(paths, uid);
        AtomicFile.Write(PathOf(uid), Encoding.UTF8.GetBytes(allocation.Format()));
    }

    private string PathOf(string uid) => Path.Combine(paths.PodDirectory(uid), "nativekubelet-allocation");
}
