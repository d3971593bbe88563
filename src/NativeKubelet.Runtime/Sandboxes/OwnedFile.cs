using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Files of ours that a pod's root finds as its own.</summary>
internal static class OwnedFile
{
    /// <summary>User and group become <paramref name="owner"/>; links are not followed.</summary>
    public static void Give(string path, uint owner)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        directory.SetOwner(Path.GetFileName(path), owner, owner);
    }
}
