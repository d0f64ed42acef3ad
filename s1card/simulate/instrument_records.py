"""Records of the annotation on instrument and raw data: nominal values, for the sake of the format."""

from __future__ import annotations

import numpy as np

from s1card.scene.records import Floats
from s1card.simulate.image_facts import SAMPLING_RATE, Beam, DopplerEstimate, ImageFacts
from s1card.simulate.xml import Element, element, fragment, listing

# The middle parts of the names of error counters.
_ERRORS = """
SyncMarker DataTakeId EccNumber TestMode RxChannelId InstrumentConfigId PacketCount PriCount SsbErrorFlag
BaqMode BaqBlockLength RangeDecimation RxGain TxRampRate TxPulseStartFrequency Rank Pri Swst Swl Polarisation
TempComp
ElevationBeamAddress AzimuthBeamAddress SasTestMode CalType CalibrationBeamAddress CalMode TxPulseNumber
SignalType SwapFlag SwathNumber NumberOfQuads"""

_QUALITY = """
<qualityData>
  <azimuthTime>{time}</azimuthTime>
  <downlinkQuality>
    <iInputDataMean>{zero}</iInputDataMean>
    <qInputDataMean>{zero}</qInputDataMean>
    <inputDataMeanOutsideNominalRangeFlag>false</inputDataMeanOutsideNominalRangeFlag>
    <iInputDataStdDev>{nine}</iInputDataStdDev>
    <qInputDataStdDev>{nine}</qInputDataStdDev>
    <inputDataStDevOutsideNominalRangeFlag>false</inputDataStDevOutsideNominalRangeFlag>
    <numDownlinkInputDataGaps>0</numDownlinkInputDataGaps>
    <downlinkGapsInInputDataSignificantFlag>false</downlinkGapsInInputDataSignificantFlag>
    <numDownlinkInputMissingLines>0</numDownlinkInputMissingLines>
    <downlinkMissingLinesSignificantFlag>false</downlinkMissingLinesSignificantFlag>
    <numInstrumentInputDataGaps>0</numInstrumentInputDataGaps>
    <instrumentGapsInInputDataSignificantFlag>false</instrumentGapsInInputDataSignificantFlag>
    <numInstrumentInputMissingLines>0</numInstrumentInputMissingLines>
    <instrumentMissingLinesSignificantFlag>false</instrumentMissingLinesSignificantFlag>
    <numSsbErrorInputDataGaps>0</numSsbErrorInputDataGaps>
    <ssbErrorGapsInInputDataSignificantFlag>false</ssbErrorGapsInInputDataSignificantFlag>
    <numSsbErrorInputMissingLines>0</numSsbErrorInputMissingLines>
    <ssbErrorMissingLinesSignificantFlag>false</ssbErrorMissingLinesSignificantFlag>
    <chirpSourceUsed>Nominal</chirpSourceUsed>
    <pgSourceUsed>Extracted</pgSourceUsed>
    <rrfSpectrumUsed>Extended Tapered</rrfSpectrumUsed>
    <replicaReconstructionFailedFlag>false</replicaReconstructionFailedFlag>
    <meanPgProductAmplitude>{one}</meanPgProductAmplitude>
    <stdDevPgProductAmplitude>{zero}</stdDevPgProductAmplitude>
    <meanPgProductPhase>{zero}</meanPgProductPhase>
    <stdDevPgProductPhase>{zero}</stdDevPgProductPhase>
    <pgProductDerivationFailedFlag>false</pgProductDerivationFailedFlag>
    <invalidDownlinkParamsFlag>false</invalidDownlinkParamsFlag>
  </downlinkQuality>
  <rawDataAnalysisQuality>
    <iBias>{zero}</iBias>
    <iBiasSignificanceFlag>true</iBiasSignificanceFlag>
    <qBias>{zero}</qBias>
    <qBiasSignificanceFlag>true</qBiasSignificanceFlag>
    <iqGainImbalance>{one}</iqGainImbalance>
    <iqGainSignificanceFlag>true</iqGainSignificanceFlag>
    <iqQuadratureDeparture>{zero}</iqQuadratureDeparture>
    <iqQuadratureDepartureSignificanceFlag>true</iqQuadratureDepartureSignificanceFlag>
  </rawDataAnalysisQuality>
  <dopplerCentroidQuality>
    <dcMethod>Data Analysis</dcMethod>
    <dopplerCentroidUncertainFlag>false</dopplerCentroidUncertainFlag>
  </dopplerCentroidQuality>
</qualityData>"""

_DOWNLINK_VALUES = """
<downlinkValues>
  <pri>{pri}</pri>
  <rank>{rank}</rank>
  <dataTakeId>{datatake}</dataTakeId>
  <eccNumber>8</eccNumber>
  <rxChannelId>0</rxChannelId>
  <instrumentConfigId>6</instrumentConfigId>
  <dataFormat>
    <baqBlockLength>256</baqBlockLength>
    <echoFormat>FDBAQ</echoFormat>
    <noiseFormat>BAQ 5 Bit</noiseFormat>
    <calibrationFormat>Decimation</calibrationFormat>
    <meanBitRate>{bits}</meanBitRate>
  </dataFormat>
  <rangeDecimation>
    <decimationFilterBandwidth>5.659000000000000e+07</decimationFilterBandwidth>
    <samplingFrequencyAfterDecimation>{rate}</samplingFrequencyAfterDecimation>
    <filterLength>36</filterLength>
  </rangeDecimation>
  <rxGain>-4.000000000000000e+00</rxGain>
  <txPulseLength>5.240481033595628e-05</txPulseLength>
  <txPulseStartFrequency>-2.825153419637256e+07</txPulseStartFrequency>
  <txPulseRampRate>1.078230321255894e+12</txPulseRampRate>
  <swathNumber>{number}</swathNumber>
  <swlList count="1"><swl><azimuthTime>{time}</azimuthTime><value>3.7e-04</value></swl></swlList>
  <swstList count="1"><swst><azimuthTime>{time}</azimuthTime><value>1.1e-04</value></swst></swstList>
  <pointingStatusList count="1">
    <pointingStatus>
      <azimuthTime>{time}</azimuthTime>
      <aocsOpMode>Normal Pointing Mode</aocsOpMode>
      <rollErrorFlag>false</rollErrorFlag>
      <pitchErrorFlag>false</pitchErrorFlag>
      <yawErrorFlag>false</yawErrorFlag>
    </pointingStatus>
  </pointingStatusList>
</downlinkValues>"""

_RAW_DATA = """
<rawDataAnalysis>
  <azimuthTime>{time}</azimuthTime>
  <iBias>{zero}</iBias>
  <qBias>{zero}</qBias>
  <iqQuadratureDeparture>{zero}</iqQuadratureDeparture>
  <iqGainImbalance>{one}</iqGainImbalance>
  <support>
    <iBiasUpperBound>{zero}</iBiasUpperBound>
    <iBiasLowerBound>{zero}</iBiasLowerBound>
    <qBiasUpperBound>{zero}</qBiasUpperBound>
    <qBiasLowerBound>{zero}</qBiasLowerBound>
    <iqGainUpperBound>{one}</iqGainUpperBound>
    <iqGainLowerBound>{one}</iqGainLowerBound>
    <iqQuadratureDepartureUpperBound>{zero}</iqQuadratureDepartureUpperBound>
    <iqQuadratureDepartureLowerBound>{zero}</iqQuadratureDepartureLowerBound>
    <iBiasUsedForCorrection>{zero}</iBiasUsedForCorrection>
    <qBiasUsedForCorrection>{zero}</qBiasUsedForCorrection>
    <iqGainImbalanceUsedForCorrection>{one}</iqGainImbalanceUsedForCorrection>
    <iqQuadratureDepartureUsedForCorrection>{zero}</iqQuadratureDepartureUsedForCorrection>
  </support>
</rawDataAnalysis>"""

_REPLICA = """
<replicaInformation>
  <swath>{swath}</swath>
  <referenceReplica>
    <azimuthTime>{time}</azimuthTime>
    <chirpSource>Nominal</chirpSource>
    <pgSource>Extracted</pgSource>
    <amplitudeCoefficients count="4">1.0e+00 0.0e+00 0.0e+00 0.0e+00</amplitudeCoefficients>
    <phaseCoefficients count="4">0.000000e+00 6.935456e+02 5.391152e+11 0.000000e+00</phaseCoefficients>
    <timeDelay>4.449655e-07</timeDelay>
    <gain><re>1.000000e+00</re><im>0.000000e+00</im></gain>
  </referenceReplica>
  <replicaList count="1">
    <replica>
      <azimuthTime>{time}</azimuthTime>
      <crossCorrelationBandwidth>9.850000e-01</crossCorrelationBandwidth>
      <crossCorrelationPslr>-1.270000e+01</crossCorrelationPslr>
      <crossCorrelationIslr>-9.500000e+00</crossCorrelationIslr>
      <crossCorrelationPeakLocation>0.000000e+00</crossCorrelationPeakLocation>
      <reconstructedReplicaValidFlag>true</reconstructedReplicaValidFlag>
      <pgProductAmplitude>6.500000e-01</pgProductAmplitude>
      <pgProductPhase>0.000000e+00</pgProductPhase>
      <modelPgProductAmplitude>6.500000e-01</modelPgProductAmplitude>
      <modelPgProductPhase>0.000000e+00</modelPgProductPhase>
      <relativePgProductValidFlag>true</relativePgProductValidFlag>
      <absolutePgProductValidFlag>true</absolutePgProductValidFlag>
      <internalTimeDelay>4.449654e-07</internalTimeDelay>
    </replica>
  </replicaList>
</replicaInformation>"""

_ATTITUDE = """
<attitude>
  <time>{time}</time>
  <frame>GM2000</frame>
  <q0>5.000000e-01</q0><q1>-5.000000e-01</q1><q2>-5.000000e-01</q2><q3>5.000000e-01</q3>
  <wx>{zero}</wx><wy>-1.060500000000000e-03</wy><wz>{zero}</wz>
  <roll>2.960000e+01</roll><pitch>0.000000e+00</pitch><yaw>0.000000e+00</yaw>
</attitude>"""

_DOPPLER = """
<dcEstimate>
  <azimuthTime>{time}</azimuthTime>
  <t0>{near}</t0>
  <geometryDcPolynomial count="3">{geometry}</geometryDcPolynomial>
  <dataDcPolynomial count="3">{data}</dataDcPolynomial>
  <dataDcRmsError>1.000000000000000e+00</dataDcRmsError>
  <dataDcRmsErrorAboveThreshold>false</dataDcRmsErrorAboveThreshold>
  <fineDceAzimuthStartTime>{start}</fineDceAzimuthStartTime>
  <fineDceAzimuthStopTime>{stop}</fineDceAzimuthStopTime>
  <fineDceList count="1">
    <fineDce><slantRangeTime>{near}</slantRangeTime><frequency>{frequency}</frequency></fineDce>
  </fineDceList>
</dcEstimate>"""

_PATTERN = """
<antennaPattern>
  <swath>{swath}</swath>
  <azimuthTime>{time}</azimuthTime>
  <slantRangeTime count="2">{near} {far}</slantRangeTime>
  <elevationAngle count="2">2.700000e+01 4.000000e+01</elevationAngle>
  <elevationPattern count="4">1.000000e+00 0.000000e+00 1.000000e+00 0.000000e+00</elevationPattern>
  <incidenceAngle count="2">3.030000e+01 4.600000e+01</incidenceAngle>
  <terrainHeight>{height}</terrainHeight>
  <roll>2.960000000000000e+01</roll>
</antennaPattern>"""

_ROLL_FROM = (2, 43)  # version from which the roll is annotated
_NUMBERS = {"zero": 0.0, "one": 1.0, "nine": 9.0}


def quality_information(facts: ImageFacts, statistics: Element) -> Element:
    """``qualityInformation``."""
    record = fragment(_QUALITY, time=facts.image.first_time, **_NUMBERS)
    flags = [
        element("outputDataMeanOutsideNominalRangeFlag", False),
        element("outputDataStDevOutsideNominalRangeFlag", False),
    ]
    record.append(element("imageQuality", statistics, flags))
    return element(
        "qualityInformation", [element("productQualityIndex", 0.0), listing("qualityDataList", [record])]
    )


def downlink_information(facts: ImageFacts, beam: Beam) -> Element:
    """``downlinkInformation`` of a sub-swath."""
    errors = [f"numErr{name}" for name in _ERRORS.split()] + ["numIspHeaderErrors"]
    first = facts.image.first_time
    values = fragment(
        _DOWNLINK_VALUES,
        pri=1.0 / beam.prf,
        rank=beam.rank,
        number=beam.number,
        datatake=facts.product.numbers.datatake_id % 65536,
        bits=3.4,
        rate=SAMPLING_RATE,
        time=first,
    )
    return element(
        "downlinkInformation",
        element("swath", beam.swath),
        element("azimuthTime", first),
        element("firstLineSensingTime", first),
        element("lastLineSensingTime", facts.image.last_time),
        element("prf", beam.prf),
        element("bitErrorCount", [element(name, 0) for name in errors]),
        values,
    )


def attitude(facts: ImageFacts) -> Element:
    """``attitude``."""
    return fragment(_ATTITUDE, time=facts.image.first_time, **_NUMBERS)


def raw_data_analysis(facts: ImageFacts) -> Element:
    """``rawDataAnalysis``."""
    return fragment(_RAW_DATA, time=facts.image.first_time, **_NUMBERS)


def replica_information(facts: ImageFacts, beam: Beam) -> Element:
    """``replicaInformation`` of a sub-swath."""
    return fragment(_REPLICA, swath=beam.swath, time=facts.image.first_time)


def noise_packet(beam: Beam, time: np.datetime64) -> Element:
    """``noise`` of a sub-swath."""
    return element(
        "noise",
        element("swath", beam.swath),
        element("azimuthTime", time),
        element("noisePowerCorrectionFactor", "1.000000e+00"),
        element("numberOfNoiseLines", 8),
    )


def doppler_centroid(facts: ImageFacts) -> Element:
    """``dopplerCentroid``."""
    estimates = (_doppler_estimate(facts.near_time, estimate) for estimate in facts.dopplers)
    return element("dopplerCentroid", listing("dcEstimateList", estimates))


def _doppler_estimate(near_time: float, estimate: DopplerEstimate) -> Element:
    return fragment(
        _DOPPLER,
        time=estimate.data.azimuth_time,
        near=estimate.data.t0,
        geometry=_polynomial(estimate.geometry.coefficients),
        data=_polynomial(estimate.data.coefficients),
        start=estimate.start,
        stop=estimate.stop,
        frequency=float(np.polyval(estimate.data.coefficients[::-1], near_time - estimate.data.t0)),
        **_NUMBERS,
    )


def _polynomial(coefficients: Floats) -> str:
    """Three coefficients in single precision."""
    return " ".join(f"{value:.6e}" for value in coefficients)


def antenna_pattern(facts: ImageFacts) -> Element:
    """``antennaPattern``: flat."""
    far = float(facts.geometry.grid.slant_range_time.max())
    height = facts.terrain_heights[0][1]
    records = [
        fragment(
            _PATTERN,
            swath=beam.swath,
            time=facts.image.first_time,
            near=facts.near_time,
            far=far,
            height=height,
        )
        for beam in facts.beams
    ]
    if facts.product.ipf_version < _ROLL_FROM:
        for record in records:
            record.remove(record[-1])
    return element("antennaPattern", listing("antennaPatternList", records))
