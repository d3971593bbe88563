using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Tests.Node.Cli;

/// <summary>A terminal as a user has it: what he types goes into Outer, a program runs on Inner.</summary>
internal sealed partial class Pty : IDisposable
{
    public Pty()
    {
        Assert.Equal(0, OpenPty(out int outer, out int inner, 0, 0, 0));
        (Outer, Inner) = (new FileDescriptor(outer), new FileDescriptor(inner));
    }

    public FileDescriptor Outer { get; }

    public FileDescriptor Inner { get; }

    /// <summary>termios: equal bytes, equal mode.</summary>
    public byte[] Mode
    {
        get
        {
            byte[] mode = new byte[128];
            Assert.Equal(0, GetAttributes(Inner, mode));
            return mode;
        }
    }

    public void Dispose()
    {
        Outer.Dispose();
        Inner.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "openpty")]
    private static partial int OpenPty(out int outer, out int inner, nint name, nint mode, nint size);

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(SafeHandle fd, [Out] byte[] mode);
}
