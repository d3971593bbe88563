namespace NativeKubelet.Linux.Files;

/// <param name="Mode">Permission bits.</param>
public sealed record DeviceNode(string Path, bool Block, uint Major, uint Minor, uint Mode, uint Uid, uint Gid);

/// <summary>The machine's own device nodes, for containers that are given all of them.</summary>
public static class HostDevices
{
    // Mounts of their own, which every container gets fresh, or no devices of the machine.
    private static readonly string[] Others = ["pts", "shm", "fd", "mqueue", "hugepages", "console", ".lxc", ".lxd-mounts", ".udev"];

    public static IReadOnlyList<DeviceNode> List()
    {
        List<DeviceNode> found = [];
        using DirectoryHandle dev = DirectoryHandle.Open("/dev");
        Collect(dev, "/dev", found, top: true);
        return found;
    }

    private static void Collect(DirectoryHandle directory, string path, List<DeviceNode> found, bool top)
    {
        foreach (KernelPath name in directory.List())
        {
            string text = name.ToString();
            if ((top && Others.Contains(text)) || directory.TryStatus(name) is not { } status) continue;
            switch (status.Kind)
            {
                case FileKind.CharacterDevice or FileKind.BlockDevice when !status.IsWhiteout:
                    found.Add(new($"{path}/{text}", status.Kind == FileKind.BlockDevice, status.NodeMajor, status.NodeMinor, status.Permissions, status.Uid, status.Gid));
                    break;
                case FileKind.Directory when directory.TryOpenDirectory(name, out _) is { } below:
                    using (below) Collect(below, $"{path}/{text}", found, top: false);
                    break;
            }
        }
    }
}
