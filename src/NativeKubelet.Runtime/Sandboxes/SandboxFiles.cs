using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Names of what a sandbox keeps in RUN/sandboxes/ID. The directory is root's alone.</summary>
internal readonly record struct SandboxFiles(string Directory)
{
    public string Record => Path.Combine(Directory, "record.json");

    public string Socket => Path.Combine(Directory, "holder.sock");

    public string ResolvConf => Path.Combine(Directory, "resolv.conf");

    public string Hostname => Path.Combine(Directory, "hostname");

    /// <summary>Mount point of the pod's /dev/shm.</summary>
    public string Shm => Path.Combine(Directory, "shm");

    public string Exits => Path.Combine(Directory, "exits");

    public string ExitFile(string containerId) => Path.Combine(Exits, containerId);

    public static SandboxFiles Of(RuntimePaths paths, string sandboxId) => new(paths.SandboxDirectory(sandboxId));

    /// <summary>On tmpfs: renamed into place, never synced.</summary>
    public void Write(SandboxRecord record) => AtomicFile.Write(Record, record.ToJson(), durable: false);
}
