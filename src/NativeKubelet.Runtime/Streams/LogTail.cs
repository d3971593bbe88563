using System.Buffers;
using NativeKubelet.Core.Logs;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Streams;

/// <summary>Finds where the last lines of a log begin, from behind and over several files, without reading the rest.</summary>
internal static class LogTail
{
    private const int Block = 64 * 1024, LongestHead = 64;

    /// <param name="files">Oldest first, at least one.</param>
    /// <returns>The file, and the offset in it, of the first record to show.</returns>
    public static (int File, long Offset) Find(IReadOnlyList<LogFile> files, long lines)
    {
        byte[] block = ArrayPool<byte>.Shared.Rent(Block + 1);
        try
        {
            bool newest = true;
            for (int i = files.Count - 1; i >= 0; i--)
                if (FindIn(files[i], ref lines, ref newest, block) is { } offset) return (i, offset);
            return (0, 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    /// <param name="lines">Less by those that this file has.</param>
    /// <param name="newest">No record was seen yet.</param>
    /// <returns>Null: the wanted lines begin in an older file.</returns>
    private static long? FindIn(LogFile file, ref long lines, ref bool newest, byte[] block)
    {
        long end = file.Size;
        // A last record without its newline is still being written and is shown whatever it becomes.
        long recordEnd = -1;
        for (long from = end; from > 0;)
        {
            int length = (int)Math.Min(Block, from);
            from -= length;
            OpenedFile.Rewind(file.Descriptor, from, file.Name);
            length = ReadFully(file, block.AsSpan(0, length));
            for (int at; (at = block.AsSpan(0, length).LastIndexOf((byte)'\n')) >= 0; length = at)
            {
                long newline = from + at;
                if (recordEnd >= 0 && Counts(file, newline + 1, ref newest) && --lines < 0) return recordEnd;
                recordEnd = newline + 1;
            }
        }
        if (recordEnd > 0 && Counts(file, 0, ref newest) && --lines < 0) return recordEnd;
        return null;
    }

    /// <summary>A record that ends a line counts for it, as does the newest one, whose line may never end; the pieces before them come along.</summary>
    private static bool Counts(LogFile file, long offset, ref bool newest)
    {
        Span<byte> head = stackalloc byte[LongestHead];
        OpenedFile.Rewind(file.Descriptor, offset, file.Name);
        head = head[..ReadFully(file, head)];
        int end = head.IndexOf((byte)'\n');
        if (!CriLogLine.TryParse(end < 0 ? head : head[..end], out CriLogLine line)) return false;
        bool counts = newest || !line.IsPartial;
        newest = false;
        return counts;
    }

    private static int ReadFully(LogFile file, Span<byte> into)
    {
        int filled = 0;
        while (filled < into.Length && OpenedFile.Read(file.Descriptor, into[filled..], file.Name) is > 0 and var count) filled += count;
        return filled;
    }
}
