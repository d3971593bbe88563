using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Cli;

/// <summary>
/// Where a verb reads and writes. Not System.Console: that sends key modes to the terminal and hides that a pipe's reader has gone.
/// </summary>
public sealed class CliConsole
{
    // For the life of the process: closing 0, 1 or 2 would hand their numbers to the next file opened.
    private static readonly FileDescriptor Standard0 = new(0), Standard1 = new(1), Standard2 = new(2);

    public CliConsole(Stream output, TextWriter error, TimeProvider time, TerminalSize? size = null)
    {
        (RawOut, Error, Time, Size) = (output, error, time, () => size);
        Out = new StreamWriter(output, new UTF8Encoding(false)) { NewLine = "\n" };
    }

    /// <summary>This process's own standard streams.</summary>
    public static CliConsole OfProcess(TimeProvider time)
    {
        StreamWriter error = new(new DescriptorStream(Standard2, "stderr")) { AutoFlush = true, NewLine = "\n" };
        return new(new DescriptorStream(Standard1, "stdout"), error, time)
        {
            Size = () => Terminal.IsTerminal(Standard1) ? Terminal.SizeOf(Standard1) ?? new(24, 80) : null,
        };
    }

    public static FileDescriptor In => Standard0;

    public static FileDescriptor OutDescriptor => Standard1;

    public static FileDescriptor ErrorDescriptor => Standard2;

    public TextWriter Out { get; }

    /// <summary>For bytes; flush <see cref="Out"/> before.</summary>
    public Stream RawOut { get; }

    public TextWriter Error { get; }

    public TimeProvider Time { get; }

    /// <summary>Null when the output is no terminal.</summary>
    public Func<TerminalSize?> Size { get; private init; }

    /// <summary>
    /// What came from outside, fit for a terminal: no control characters, which could move the cursor, retitle the window or
    /// answer for the user, and none that turn the direction of text.
    /// </summary>
    public static string Clean(string text)
    {
        int first = text.AsSpan().IndexOfAny(Unfit);
        return first < 0 ? text : string.Create(text.Length, text, static (to, from) =>
        {
            for (int i = 0; i < to.Length; i++) to[i] = UnfitSet.Contains(from[i]) ? from[i] is '\n' or '\t' or '\r' ? ' ' : '\uFFFD' : from[i];
        });
    }

    private static readonly HashSet<char> UnfitSet =
    [
        .. Enumerable.Range(0, 0x20).Select(c => (char)c), .. Enumerable.Range(0x7F, 0x21).Select(c => (char)c),
        '\u200E', '\u200F', '\u061C', '\u2028', '\u2029', '\u202A', '\u202B', '\u202C', '\u202D', '\u202E', '\u2066', '\u2067', '\u2068', '\u2069',
    ];

    private static readonly System.Buffers.SearchValues<char> Unfit = System.Buffers.SearchValues.Create([.. UnfitSet]);

    /// <summary>Writes go out at once and complete; EPIPE is an error like others and ends the verb.</summary>
    private sealed class DescriptorStream(FileDescriptor fd, string name) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Write(ReadOnlySpan<byte> buffer) => OpenedFile.Write(fd, buffer, name);
        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
