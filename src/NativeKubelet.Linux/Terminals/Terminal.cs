using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Terminals;

/// <summary>Characters that fit on a terminal.</summary>
public readonly record struct TerminalSize(int Rows, int Columns);

/// <summary>What this program does with terminals (ioctl_tty(2), termios(3)).</summary>
public static unsafe partial class Terminal
{
    private const nuint GetSize = 0x5413, SetSizeRequest = 0x5414;     // TIOCGWINSZ, TIOCSWINSZ: the same on amd64 and arm64
    private const int AfterDrain = 1, MostBytesOfTermios = 128;

    public static bool IsTerminal(SafeHandle fd) => IsATty(fd) == 1;

    /// <returns>Null for what is no terminal, or one that does not know its size.</returns>
    public static TerminalSize? SizeOf(SafeHandle fd)
    {
        ushort* size = stackalloc ushort[4];
        return Control(fd, GetSize, size) == 0 && size[0] > 0 && size[1] > 0 ? new(size[0], size[1]) : null;
    }

    /// <summary>The foreground process behind the terminal hears of it by SIGWINCH.</summary>
    /// <returns>False when the other side is gone.</returns>
    public static bool TrySetSize(SafeHandle fd, TerminalSize to)
    {
        ushort* size = stackalloc ushort[4] { (ushort)to.Rows, (ushort)to.Columns, 0, 0 };
        return Control(fd, SetSizeRequest, size) == 0;
    }

    /// <summary>Every byte goes through as it is: no echo, no lines, no signals from keys.</summary>
    /// <returns>Puts the former mode back when disposed. Do it before the process ends, or the user's shell is left raw.</returns>
    public static IDisposable MakeRaw(SafeHandle fd)
    {
        byte[] before = new byte[MostBytesOfTermios];
        if (GetAttributes(fd, before) < 0) throw ErrnoException.Last("tcgetattr", "terminal");
        byte[] raw = [.. before];
        MakeRaw(raw);
        if (SetAttributes(fd, AfterDrain, raw) < 0) throw ErrnoException.Last("tcsetattr", "terminal");
        return new FormerMode(fd, before);
    }

    private sealed class FormerMode(SafeHandle fd, byte[] mode) : IDisposable
    {
        private int _done;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _done, 1) == 0) _ = SetAttributes(fd, AfterDrain, mode);
        }
    }

    [LibraryImport("libc", EntryPoint = "isatty", SetLastError = true)]
    private static partial int IsATty(SafeHandle fd);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeHandle fd, nuint request, ushort* size);

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(SafeHandle fd, Span<byte> mode);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(SafeHandle fd, int when, ReadOnlySpan<byte> mode);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(Span<byte> mode);
}
