using System.Text;
using NativeKubelet.Core.Logs;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Containers;

/// <summary>What a container left to say about its end (spec 30, termination messages).</summary>
internal static class TerminationMessage
{
    private const int MostBytes = 4096, MostLogBytes = 2048, MostLogLines = 80;

    /// <summary>The end of the file at terminationMessagePath; with FallbackToLogsOnError and a failure, else the end of the log.</summary>
    public static string Read(ContainerRecord record, bool failed)
    {
        string message = Text(Tail(record.TerminationLog, MostBytes));
        return message.Length > 0 || !failed || record.TerminationPolicy != "FallbackToLogsOnError" ? message : LogEnd(record.LogPath);
    }

    private static string LogEnd(string path)
    {
        // Twice the size, as every record carries a head of its own.
        ReadOnlySpan<byte> text = Tail(path, 2 * MostLogBytes);
        int start = text.Length == 2 * MostLogBytes ? text.IndexOf((byte)'\n') + 1 : 0;
        List<byte[]> lines = [];
        foreach (Range range in text[start..].Split((byte)'\n'))
            if (CriLogLine.TryParse(text[start..][range], out CriLogLine line))
                lines.Add(line.IsPartial ? line.Content.ToArray() : [.. line.Content, (byte)'\n']);
        byte[] content = [.. lines.TakeLast(MostLogLines).SelectMany(l => l)];
        return Text(content.AsSpan(Math.Max(0, content.Length - MostLogBytes)));
    }

    private static byte[] Tail(string path, int most)
    {
        try
        {
            // The container wrote it and may have put anything in its place: no link is followed, no FIFO waited for.
            using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
            using FileDescriptor file = directory.OpenFile(Path.GetFileName(path), OpenFlags.Read | OpenFlags.NonBlocking | OpenFlags.NoFollow);
            FileStatus status = DirectoryHandle.StatusOf(file, path);
            if (status.Kind != FileKind.Regular) return [];
            byte[] content = new byte[Math.Min(most, status.Size)];
            OpenedFile.Rewind(file, status.Size - content.Length, path);
            int length = 0;
            while (length < content.Length && OpenedFile.Read(file, content.AsSpan(length), path) is > 0 and var count) length += count;
            return content[..length];
        }
        catch (ErrnoException)
        {
            return [];      // nobody fails for want of last words
        }
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
