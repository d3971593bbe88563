using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Cli.Streams;

/// <summary>The descriptors behind a verb that carries bytes both ways.</summary>
public sealed record ConsoleEnds(FileDescriptor In, FileDescriptor Out, FileDescriptor Error)
{
    public static ConsoleEnds OfProcess { get; } = new(CliConsole.In, CliConsole.OutDescriptor, CliConsole.ErrorDescriptor);
}
