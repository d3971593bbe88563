using System.Text;
using Microsoft.Extensions.Logging;
using NativeKubelet.Cli;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting;
using Serilog.Parsing;

namespace NativeKubelet.Logging;

/// <summary>
/// The program's log on stderr, as text or JSON. Whoever logs never waits for whoever reads, and never learns of his end:
/// pods come first.
/// </summary>
public sealed class KubeletLogging : ILoggerFactory
{
    private readonly Logger _pipeline;
    private readonly SerilogLoggerFactory _factory;
    private readonly LogQueue _errors;
    private readonly LogQueue? _information;

    private KubeletLogging(LogSettings settings, TimeProvider time, LogOutput errors, LogOutput information)
    {
        Verbosity = new LogVerbosity(settings);
        ITextFormatter format = settings.Json ? new JsonLogFormat(time) : new KlogFormat(time, Environment.ProcessId);
        byte[] Notice(long count) => Line(format, Gap(count));
        _errors = new LogQueue(errors, Notice, time);
        _information = settings.SplitStream ? new LogQueue(information, Notice, time) : null;
        Serilog.LoggerConfiguration pipeline = new Serilog.LoggerConfiguration().MinimumLevel.ControlledBy(Verbosity.Switch);
        if (Verbosity.HasModules) pipeline = pipeline.Filter.ByIncludingOnly(Verbosity.Allows);
        _pipeline = pipeline.WriteTo.Sink(new Sink(format, _errors, _information ?? _errors)).CreateLogger();
        _factory = new SerilogLoggerFactory(_pipeline, dispose: false);
    }

    /// <summary>What is logged; may be changed at any time.</summary>
    public LogVerbosity Verbosity { get; }

    /// <summary>Messages that were lost because nobody read them.</summary>
    public long Dropped => _errors.Dropped + (_information?.Dropped ?? 0);

    /// <summary>How long a reader has let us wait; the health check "log" looks at it.</summary>
    public TimeSpan BlockedFor => _information?.BlockedFor is { } other && other > _errors.BlockedFor ? other : _errors.BlockedFor;

    /// <summary>A log on stderr, or with splitStream on stdout for all but errors.</summary>
    public static KubeletLogging Create(LogSettings settings, TimeProvider time) =>
        Create(settings, time, To(CliConsole.ErrorDescriptor, "stderr"), To(CliConsole.OutDescriptor, "stdout"));

    /// <inheritdoc cref="Create(LogSettings, TimeProvider)"/>
    public static KubeletLogging Create(LogSettings settings, TimeProvider time, LogOutput errors, LogOutput information) =>
        new(settings, time, errors, information);

    public ILogger CreateLogger(string categoryName) => _factory.CreateLogger(categoryName);

    /// <exception cref="NotSupportedException">Always: there is one way out.</exception>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("the log has one provider");

    public void Dispose()
    {
        _factory.Dispose();
        _pipeline.Dispose();
        _errors.Dispose();
        _information?.Dispose();
    }

    private static LogOutput To(FileDescriptor file, string name) => lines => OpenedFile.Write(file, lines, name);

    private static byte[] Line(ITextFormatter format, LogEvent entry)
    {
        using StringWriter text = new();
        format.Format(entry, text);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static LogEvent Gap(long count) => new(
        DateTimeOffset.UnixEpoch, LogEventLevel.Warning, null, new MessageTemplateParser().Parse("LogMessagesDropped count={Count}: nobody read them"),
        [new("Count", new ScalarValue(count)), new("SourceContext", new ScalarValue(nameof(KubeletLogging)))]);

    private sealed class Sink(ITextFormatter format, LogQueue errors, LogQueue information) : ILogEventSink
    {
        public void Emit(LogEvent logEvent) => (logEvent.Level >= LogEventLevel.Error ? errors : information).Add(Line(format, logEvent));
    }
}
