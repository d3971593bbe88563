using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.SELinux;

/// <summary>The SELinux policy that the kernel holds, asked through selinuxfs.</summary>
public static class LoadedPolicy
{
    private const string Directory = "/sys/fs/selinux", File = "context";

    /// <returns>The context as the kernel writes it (categories in order); null when the policy does not know it.</returns>
    /// <exception cref="ErrnoException">ENOENT: no SELinux; EACCES: the policy lets us not ask.</exception>
    public static string? Canonical(string context)
    {
        using DirectoryHandle kernel = DirectoryHandle.Open(Directory);
        using FileDescriptor file = kernel.OpenFile(File, OpenFlags.ReadWrite);
        try
        {
            OpenedFile.Write(file, Encoding.UTF8.GetBytes(context), File);
        }
        catch (ErrnoException e) when (e.Errno == Errno.EINVAL)
        {
            return null;
        }
        // A transaction: what was written is answered on the same descriptor, in one piece.
        Span<byte> answer = stackalloc byte[4096];
        return Encoding.UTF8.GetString(answer[..OpenedFile.Read(file, answer, File)]).TrimEnd('\0');
    }
}
