using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>Copies one thing of a tree with all that belongs to it: bytes, owner, mode, extended attributes, time.</summary>
internal static class FileCopy
{
    private const string OverlayPrivate = "trusted.overlay.", OverlayUserPrivate = "user.overlay.";

    /// <summary>Attributes by which overlayfs steers itself; out of an image they would be orders from strangers.</summary>
    public static bool IsOverlayPrivate(string attribute) =>
        attribute.StartsWith(OverlayPrivate, StringComparison.Ordinal) || attribute.StartsWith(OverlayUserPrivate, StringComparison.Ordinal);

    /// <summary>Copies anything but a directory; nothing may have the new name.</summary>
    public static void Copy(DirectoryHandle from, KernelPath name, FileStatus status, DirectoryHandle to, KernelPath newName)
    {
        switch (status.Kind)
        {
            case FileKind.Regular:
                using (FileDescriptor source = from.OpenFile(name, OpenFlags.Read))
                using (FileDescriptor target = to.OpenFile(newName, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, 0x180))
                    OpenedFile.Copy(source, target, newName.ToString());
                break;
            case FileKind.SymbolicLink:
                to.MakeSymbolicLink(from.ReadLink(name), newName);
                break;
            case FileKind.Directory:
                throw new ArgumentException($"{name} is a directory");
            default:
                to.MakeNode(newName, status.Kind, status.Permissions, status.NodeMajor, status.NodeMinor);
                break;
        }
        CopyAttributes(from, name, status, to, newName);
        to.SetModified(newName, status.Modified);
    }

    /// <summary>Owner, mode and extended attributes, in the order in which none undoes another.</summary>
    public static void CopyAttributes(DirectoryHandle from, KernelPath name, FileStatus status, DirectoryHandle to, KernelPath newName)
    {
        to.SetOwner(newName, status.Uid, status.Gid);
        to.SetMode(newName, status.Permissions);
        foreach (string attribute in from.ListAttributes(name))
            if (!IsOverlayPrivate(attribute) && from.TryGetAttribute(name, attribute) is { } value)
                SetAttribute(to, newName, attribute, value);
    }

    /// <summary>Sets what the file system can take; only file capabilities are worth failing for, as a program would run without its rights.</summary>
    public static void SetAttribute(DirectoryHandle directory, KernelPath name, string attribute, ReadOnlySpan<byte> value)
    {
        int errno = directory.TrySetAttribute(name, attribute, value);
        if (errno == 0 || (errno is Errno.ENOTSUP or Errno.EPERM or Errno.EINVAL && attribute != "security.capability")) return;
        throw new ErrnoException($"lsetxattr {attribute}", name.ToString(), errno);
    }
}
