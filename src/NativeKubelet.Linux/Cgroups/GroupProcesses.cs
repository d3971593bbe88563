using System.Globalization;
using System.Text.Unicode;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>The processes that are in a group itself, not in one below it, and what they have open.</summary>
public readonly record struct GroupProcesses(long Count, long Descriptors, long Sockets)
{
    /// <summary>
    /// Looks at every descriptor, as nothing else tells sockets from files: about a microsecond each, so for those who ask now and then.
    /// A link's text is read and never followed: what is behind it may be a file system that does not answer.
    /// </summary>
    /// <param name="scratch">For names of descriptors.</param>
    /// <returns>Null when the group is gone.</returns>
    public static GroupProcesses? Read(CgroupLayout layout, string group, byte[] scratch)
    {
        if (layout.For("cpu") is not { } hierarchy) return null;
        if (CgroupFile.TryOpen($"{hierarchy.Directory(group)}/cgroup.procs", out FileDescriptor file) != 0)
        {
            file.Dispose();
            return null;
        }
        using (file)
        {
            GroupProcesses all = default;
            Span<byte> text = stackalloc byte[512];
            int pid = 0;
            while (FileCalls.Read(file, text, text.Length) is > 0 and var count)
                foreach (byte letter in text[..(int)count])
                {
                    if (letter is >= (byte)'0' and <= (byte)'9')
                    {
                        pid = (pid * 10) + (letter - '0');
                        continue;
                    }
                    if (pid > 0) all = all.With(pid, scratch);
                    pid = 0;
                }
            return all;
        }
    }

    private GroupProcesses With(int pid, byte[] scratch)
    {
        (long descriptors, long sockets) = Open(pid, scratch);
        return new(Count + 1, Descriptors + descriptors, Sockets + sockets);
    }

    /// <returns>Nothing of a process that is gone by now.</returns>
    private static (long Descriptors, long Sockets) Open(int pid, byte[] scratch)
    {
        Span<byte> path = stackalloc byte[32];
        if (!Utf8.TryWrite(path, CultureInfo.InvariantCulture, $"/proc/{pid}/fd\0", out _)) return default;
        using FileDescriptor directory = FileCalls.Open(path, (OpenFlags.Read | OpenFlags.Directory).ToKernel(), 0);
        if (directory.IsInvalid) return default;
        long descriptors = 0, sockets = 0;
        Span<byte> link = stackalloc byte["socket:["u8.Length];
        while (FileCalls.GetDents64(FileCalls.Getdents64Number, directory, scratch, scratch.Length) is > 0 and var count)
            foreach (ReadOnlySpan<byte> name in new DirectoryEntries(scratch.AsSpan(0, (int)count)))
            {
                descriptors++;
                if (FileCalls.ReadLinkAt(directory, name, link, link.Length) == link.Length && link.SequenceEqual("socket:["u8)) sockets++;
            }
        return (descriptors, sockets);
    }
}
