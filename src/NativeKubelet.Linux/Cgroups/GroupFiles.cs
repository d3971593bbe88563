using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>One group's files, each opened and read once, for those who ask now and then.</summary>
internal readonly struct GroupFiles(CgroupLayout layout, string group, byte[] scratch)
{
    /// <summary>Good until the next call; empty where the file is not there.</summary>
    public ReadOnlySpan<byte> Text(string controller, string file)
    {
        if (layout.For(controller) is not { } hierarchy) return default;
        if (CgroupFile.TryOpen($"{hierarchy.Directory(group)}/{file}", out FileDescriptor descriptor) != 0)
        {
            descriptor.Dispose();
            return default;
        }
        using (descriptor)
            return CgroupFile.ReadAtStart(descriptor, scratch) is > 0 and var count ? scratch.AsSpan(0, count) : default;
    }
}
