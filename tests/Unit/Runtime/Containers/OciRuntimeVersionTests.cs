using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Tests.Unit.Runtime.Containers;

public sealed class OciRuntimeVersionTests
{
    [Theory]
    [InlineData("runc version 1.1.11", "CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1", "CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.1.12", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.1.15", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.2.7", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.2.8", null)]
    [InlineData("runc version 1.3.0-rc.2", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.3.2", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.3.3-0ubuntu1~24.04.3", null)]
    [InlineData("runc version 1.4.0-rc.2", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")]
    [InlineData("runc version 1.4.0-rc.3", null)]
    [InlineData("runc version 1.4.0", null)]
    [InlineData("runc version 2.0.0", null)]
    [InlineData("crun version 1.8.1\ncommit: x", null)]
    public void Advisories_are_told_by_version(string output, string? advisories)
    {
        OciRuntimeVersion version = Assert.IsType<OciRuntimeVersion>(OciRuntimeVersion.Parse(output));

        Assert.Equal(advisories, version.Advisories);
    }

    [Theory]
    [InlineData("")]
    [InlineData("runc 1.1.5")]
    [InlineData("runc version 1")]
    [InlineData("runc version 99999999999999.1.1")]
    [InlineData("error\nrunc version 1.1.5")]
    public void What_does_not_tell_its_version_has_none(string output) => Assert.Null(OciRuntimeVersion.Parse(output));
}
