using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Server.Streaming;

/// <summary>One pipe for each end of a command that takes part; what the command gets is never an end of anything else of ours.</summary>
internal sealed class CommandPipes : IDisposable
{
    private readonly List<FileDescriptor> _theirs = [];

    public CommandPipes(bool input, bool output, bool error)
    {
        try
        {
            if (input) (In, TheirIn) = Take(Pipe.Create(), theirsIsRead: true);
            if (output) (Out, TheirOut) = Take(Pipe.Create(), theirsIsRead: false);
            if (error) (Error, TheirError) = Take(Pipe.Create(), theirsIsRead: false);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public FileDescriptor? In { get; }

    public FileDescriptor? Out { get; }

    public FileDescriptor? Error { get; }

    public SafeHandle? TheirIn { get; }

    public SafeHandle? TheirOut { get; }

    public SafeHandle? TheirError { get; }

    /// <summary>Once the command has its own: while ours are open, no end is ever seen.</summary>
    public void CloseTheirs()
    {
        foreach (FileDescriptor fd in _theirs) fd.Dispose();
    }

    public void Dispose()
    {
        CloseTheirs();
        In?.Dispose();
        Out?.Dispose();
        Error?.Dispose();
    }

    private (FileDescriptor Ours, SafeHandle Theirs) Take((FileDescriptor Read, FileDescriptor Write) pipe, bool theirsIsRead)
    {
        (FileDescriptor theirs, FileDescriptor ours) = theirsIsRead ? pipe : (pipe.Write, pipe.Read);
        _theirs.Add(theirs);
        return (ours, theirs);
    }
}
