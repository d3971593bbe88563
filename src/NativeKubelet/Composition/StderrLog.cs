using Microsoft.Extensions.Logging;
namespace NativeKubelet.Composition;
internal sealed class StderrLog(TextWriter to) : ILoggerFactory, ILogger
{
    public void AddProvider(ILoggerProvider provider) { }
    public ILogger CreateLogger(string categoryName) => this;
    public void Dispose() { }
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) lock (to) to.WriteLine($"{logLevel} {formatter(state, exception)} {exception}");
    }
}
