using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Files;

/// <summary>Flags of open(2). Close-on-exec is no choice: every open of this room adds it.</summary>
[Flags]
public enum OpenFlags
{
    Read = 0, Write = 1, ReadWrite = 2, Create = 0x40, Exclusive = 0x80, Truncate = 0x200, Append = 0x400, NonBlocking = 0x800,
    /// <summary>A place in the tree, not the file: nothing can be read, nothing is opened (no device, no fifo).</summary>
    PathOnly = 0x200000,
    /// <summary>The last component must be a directory. Translated: arm64 has other numbers for it and the next.</summary>
    Directory = 1 << 28,
    /// <summary>ELOOP when the last component is a symbolic link.</summary>
    NoFollow = 1 << 29,
}

internal static class OpenFlagNumbers
{
    private const int CloseOnExec = 0x80000;
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static int ToKernel(this OpenFlags flags)
    {
        int number = (int)(flags & ~(OpenFlags.Directory | OpenFlags.NoFollow)) | CloseOnExec;
        if (flags.HasFlag(OpenFlags.Directory)) number |= Arm ? 0x4000 : 0x10000;
        if (flags.HasFlag(OpenFlags.NoFollow)) number |= Arm ? 0x8000 : 0x20000;
        return number;
    }
}
