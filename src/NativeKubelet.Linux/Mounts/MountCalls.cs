using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Mounts;

/// <summary>The kernel's mount calls as they are. The new ones go by number (equal on all architectures): libc names them since 2.36 only.</summary>
internal static unsafe partial class MountCalls
{
    public const int OpenTreeNumber = 428, MoveMountNumber = 429, FsOpenNumber = 430, FsConfigNumber = 431, FsMountNumber = 432, MountSetAttrNumber = 442;
    public const int CurrentDirectory = -100;

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Mount(string? source, string target, string? type, nuint flags, string? options);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial FileDescriptor OpenTree(nint number, nint directory, string path, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial FileDescriptor OpenTreeOf(nint number, FileDescriptor directory, string path, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint MoveMount(nint number, FileDescriptor from, string fromPath, nint toDirectory, string toPath, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint MoveMountOnto(nint number, FileDescriptor from, ReadOnlySpan<byte> fromPath, FileDescriptor to, ReadOnlySpan<byte> toPath, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial FileDescriptor FsOpen(nint number, string type, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint FsConfig(nint number, FileDescriptor context, nint command, string? key, string? value, nint auxiliary);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial FileDescriptor FsMount(nint number, FileDescriptor context, nint flags, nint attributes);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint MountSetAttr(nint number, FileDescriptor mount, ReadOnlySpan<byte> path, nint flags, ulong* attributes, nint size);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(FileDescriptor context, Span<byte> buffer, nint size);
}
